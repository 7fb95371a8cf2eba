"""Who is likely to stay away: train, load, score, and when to train again."""

from ml.churn.estimator import SCORE_SCHEMA, Artifact, load, score
from ml.churn.model_card import card
from ml.churn.training import Trained, due, train

__all__ = ["SCORE_SCHEMA", "Artifact", "Trained", "card", "due", "load", "score", "train"]
