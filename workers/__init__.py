"""Background work: the Celery application, thin tasks, the beat schedule, the outbox relay."""
