"""`python -m workers`: worker and beat in one, as `xiangbo serve` starts them beside the web.

The supervisor sees to it that it ends with the process that started it.
"""

from workers.app import PHOTO_QUEUE, QUEUE, app

# Two: while one renders a photo, the other routes orders.
PROCESSES = 2


def main() -> None:
    """Run until told to stop."""
    app.worker_main(
        [
            "worker",
            "--beat",
            f"--concurrency={PROCESSES}",
            f"--queues={QUEUE},{PHOTO_QUEUE}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=warning",
        ]
    )


if __name__ == "__main__":
    main()
