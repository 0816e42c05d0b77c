"""Tables say what they were given."""

from narrows.cli.printing import print_table


def test_what_looks_like_markup_is_printed_as_it_is(capsys):
    print_table("mnist:train: [bold]", ["file[0]", ":train:"], [[":smile:", "[red]1"]])
    printed = capsys.readouterr().out
    for text in ("mnist:train:", "[bold]", "file[0]", ":train:", ":smile:", "[red]1"):
        assert text in printed
