"""What can go wrong although the program is right."""


class ExpectedError(Exception):
    """Base of errors that a person can mend: the message names the thing, what is wrong with it and the remedy.

    A command shows the message without a traceback and exits with 1; a page shows it as words. An error of any other
    class is a fault of the program and keeps its traceback.
    """
