"""Where one company's data stands: settings, lake and store, opened from the home they share."""

import os
import secrets
from contextlib import suppress
from functools import cached_property

from models.settings import Settings
from models.store import Store
from pipelines.lake import Lake
from pipelines.warehouse import Warehouse


class Workspace:
    """Opens lazily; nothing is created before it is used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_dir)

    @cached_property
    def store(self) -> Store:
        self.settings.home.mkdir(parents=True, exist_ok=True)
        return Store.open(self.settings.store_address)

    @cached_property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings)

    @cached_property
    def id_key(self) -> str:
        """The secret under which new customer ids are hashed: the setting, else a file made once for its owner."""
        if given := self.settings.id_key.get_secret_value():
            return given
        path = self.settings.home / "id.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"id.key.{secrets.token_hex(4)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_hex(32))
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):
                os.link(draft, path)  # two first runs at once: one key wins
            draft.unlink()
        return path.read_text()
