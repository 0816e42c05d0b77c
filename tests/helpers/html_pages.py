"""Reading a page as a browser would: balanced tags, pictures, references."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}
REFERENCES = ("src", "href", "srcset", "poster", "data", "action", "xlink:href")


class Page(HTMLParser):
    """What is on a page; an assertion fails where its tags do not balance."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.style = [], [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def references(self):
        return [a[name] for _, a in self.tags for name in REFERENCES if name in a]
