"""How the platforms of the mainland write amounts and moments: yuan with two decimals, Beijing's civil time."""

from datetime import datetime, timedelta

TIME = "%Y-%m-%d %H:%M:%S"


def yuan(fen: int) -> str:
    """``12345`` → ``123.45``. No amount of a platform's record is negative."""
    return f"{fen // 100}.{fen % 100:02d}"


def civil(moment: datetime) -> str:
    """A naive UTC moment as Beijing's civil time."""
    return (moment + timedelta(hours=8)).strftime(TIME)
