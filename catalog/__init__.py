"""Stations, people, workshops, products, photos and stock; the model base and the outbox."""
