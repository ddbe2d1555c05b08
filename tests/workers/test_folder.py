"""The folder that is the broker, after a power cut has left empty files in it."""

from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection
from kombu.transport import filesystem

from workers import folder


def connect(transport: type[filesystem.Transport], path: Path) -> Connection:
    options = folder.options(path)
    return Connection(transport=transport, transport_options=options)


def leave_empty(path: Path, queue: str) -> None:
    """What a process leaves that ends between opening a file and writing it."""
    (path / "control" / f"{queue}.exchange").touch()
    (path / "messages" / f"1_1.{queue}.msg").touch()


def test_empty_files_count_as_not_there(tmp_path: Path) -> None:
    with connect(folder.Transport, tmp_path) as connection:
        leave_empty(tmp_path, "orders")
        with connection.SimpleQueue("orders") as queue:
            queue.put("route 7")
            message = queue.get(timeout=5)
            assert message.payload == "route 7"
            message.ack()
            with pytest.raises(Empty):
                queue.get(block=False)
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["orders.exchange"]


def test_kombus_own_transport_fails_on_them(tmp_path: Path) -> None:
    with connect(filesystem.Transport, tmp_path) as connection:
        leave_empty(tmp_path, "photos")
        with pytest.raises(ValueError, match="Expecting value"):
            connection.SimpleQueue("photos")


def test_two_queues_of_one_exchange_get_a_message_each(tmp_path: Path) -> None:
    with connect(folder.Transport, tmp_path) as connection:
        channel = connection.channel()
        for queue in ("photos", "orders"):
            channel.queue_declare(queue)
            channel.exchange_declare("all", "topic")
            channel.queue_bind(queue, "all", "new.*")
        message = channel.prepare_message("come")
        channel.basic_publish(message, "all", "new.order")
        assert [channel.basic_get(queue).body for queue in ("photos", "orders")] == [
            b"come",
            b"come",
        ]
