"""Storefront and desk: holds, orders, payments, routing, the ledger, sign-in, the assembled app."""
