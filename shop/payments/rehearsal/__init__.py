"""A practice till: the part of Stripe's HTTP interface that we use, without real money."""
