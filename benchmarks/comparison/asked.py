"""What a command line asks to be measured, by name."""

from argparse import ArgumentParser, ArgumentTypeError


def add_names(parser: ArgumentParser, of, known, usual=()):
    """Let a command name some of what is known; without a name it asks for the usual, or for all.

    argparse's own `choices`, of any number, refuse it where none is named (CPython 3.11).
    """

    def name(text):
        if text not in known:
            raise ArgumentTypeError(f"{text!r} is none of {', '.join(known)}")
        return text

    listed, default = ", ".join(known), list(usual or known)
    told = f"; default: {', '.join(usual)}" if usual else "; default: all"
    parser.add_argument(
        of, nargs="*", type=name, metavar="NAME", default=default, help=listed + told
    )
