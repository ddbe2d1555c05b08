"""The Celery application, set up from the same settings as the web server.

With no broker configured its messages are files in the data folder. A message may be lost or
come twice on any broker: what must happen is a row of the outbox, handed over again by the
relay until the work is done.
"""

import os
import signal
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import (
    beat_embedded_init,
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)

from shop.logs import configure_logs
from shop.notices import SEND_JOB
from shop.processes import end_with_parent
from shop.settings import Settings, read_settings
from workers import folder, runtime

# A photo of 100 megapixels keeps a process busy for seconds. In a queue of their own, photos
# take turns with everything else instead of standing before it.
PHOTO_QUEUE = "photos"
QUEUE = "default"

# A process that once held a huge picture gives the memory back by ending.
MOST_KILOBYTES = 400_000

# Pages come first: what waits in the outbox can wait a little longer. Only who has started gives
# way, for on a busy machine a worker that gave way from the beginning would be minutes about it.
NICENESS = 10

# The process that forks beat and the pool; it loads this first.
_MAIN = os.getpid()

_SCHEDULE: dict[str, Any] = {
    "relay": {"task": "workers.relay", "schedule": timedelta(seconds=1)},
    "sweep": {"task": "workers.sweep", "schedule": timedelta(seconds=30)},
    "forget": {"task": "workers.forget", "schedule": timedelta(hours=1)},
    "watch": {"task": "workers.watch", "schedule": timedelta(minutes=10)},
    # At night, when nobody is on air, and once more in the morning, for a machine that is
    # switched off at night. Hours are UTC's: 19 is three o'clock in Beijing, 1 is nine.
    "reconcile": {"task": "workers.reconcile", "schedule": crontab(hour="19,1", minute="10")},
    "examine": {"task": "workers.examine", "schedule": crontab(hour="20,1", minute="40")},
    "behind": {"task": "workers.behind", "schedule": crontab(hour="0,2", minute="15")},
    "renewals": {"task": "workers.renewals", "schedule": crontab(hour="22,1", minute="20")},
    # On Monday morning in Beijing; the other days make up for a machine that was off then.
    "letters": {"task": "workers.letters", "schedule": crontab(hour="22,1", minute="20")},
    "refunds": {"task": "workers.refund_windows", "schedule": crontab(hour="23,2", minute="0")},
}


def _configure(settings: Settings) -> dict[str, Any]:
    return {
        "broker_url": settings.broker_url,
        "broker_transport_options": (
            folder.options(settings.broker_dir) if settings.embedded_broker else {}
        ),
        "broker_connection_retry_on_startup": True,
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_default_queue": QUEUE,
        "task_routes": {
            "catalog.render_photo": {"queue": PHOTO_QUEUE},
            "shop.render_stage_photo": {"queue": PHOTO_QUEUE},
            # Another machine is asked, which may take its time: as slow as photos.
            SEND_JOB: {"queue": PHOTO_QUEUE},
        },
        "worker_prefetch_multiplier": 1,
        "worker_max_memory_per_child": MOST_KILOBYTES,
        "worker_send_task_events": False,
        "worker_enable_remote_control": False,
        "beat_scheduler": "celery.beat.Scheduler",
        "beat_schedule": _SCHEDULE,
    }


app = Celery("xiangbo", include=["workers.tasks"])
app.conf.update(_configure(read_settings()))


@setup_logging.connect
def _logs(**_: Any) -> None:
    configure_logs()


@beat_embedded_init.connect
def _end_with_worker(**_: Any) -> None:
    """Beat outlives a worker that is killed, and would send beside the next worker's beat."""
    end_with_parent(_MAIN, signal.SIGKILL)
    _give_way()


@worker_process_init.connect
def _begin(**_: Any) -> None:
    # One that waits for a lock of its dead parent's hears no gentler signal.
    end_with_parent(_MAIN, signal.SIGKILL)
    runtime.begin(read_settings())
    _give_way()


@worker_ready.connect
def _give_way(**_: Any) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


@worker_process_shutdown.connect
def _end(**_: Any) -> None:
    runtime.end()
