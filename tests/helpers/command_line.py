"""What the tests of the command line share."""


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


def fails_with_one_line(result, *words):
    assert result.code == 1
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.startswith("narrows: ")
    for word in words:
        assert word in result.err, result.err
    return True
