"""The broker of a station that has none: messages as files in the data folder.

Kombu's own transport opens a file under its name and then writes. A process that is killed
between the two leaves an empty file, and with an empty table of queues no worker ever starts
again. Here a file is written whole before it gets its name, and one that a power cut has emptied
counts as not there: the relay hands over again what a message was lost for.
"""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

POLL_SECONDS = 0.2


def options(folder: Path) -> dict[str, Any]:
    """Makes the folder ready, and this transport the one of `filesystem://`; Celery's options."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{Transport.__name__}"
    messages, control = folder / "messages", folder / "control"
    for part in (messages, control):
        part.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": POLL_SECONDS,
    }


class _Channel(filesystem.Channel):
    def get_table(self, exchange: str) -> list[Any]:
        try:
            table: list[Any] = super().get_table(exchange)
        except ValueError:
            return []
        return table

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        table = self.get_table(exchange)
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        if binding not in table:
            _write_whole(self._exchange_file(exchange), [binding, *table])

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]  # as Kombu's
        name = f"{time.monotonic_ns()}_{uuid4()}.{queue}.msg"
        _write_whole(Path(self.data_folder_out, name), payload)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        while True:
            try:
                return super()._get(queue)
            except ValueError:
                continue  # The empty file is out of the folder by now.


class Transport(filesystem.Transport):
    """Kombu's, with files that are whole."""

    Channel = _Channel


def _write_whole(path: Path, content: Any) -> None:
    part = path.with_name(f".{uuid4()}.part")
    part.write_text(dumps(content), encoding="utf-8")
    part.replace(path)
