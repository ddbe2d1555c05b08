# `make run` and `make test` prepare all they need on a machine with Python 3.11 or newer.

PYTHON ?= python3
PORT ?= 8000
ARGS ?=
BIN := .venv/bin
# Half the tests wait for a database or a browser, so a worker per processor keeps both busy.
JOBS ?= $(shell nproc)

# Where it is set, every process that the tests and the demo start would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-stripe check bench format lock clean system

run: .venv/run.stamp
	$(BIN)/xiangbo demo --port $(PORT) $(ARGS)

test: .venv/dev.stamp system
	$(BIN)/pytest -n $(JOBS) --dist loadgroup

# The journeys of the payment tests at Stripe itself; they need the network and a test key.
test-stripe:
	@case "$$XIANGBO_TEST_STRIPE_KEY" in \
	"") echo "test-stripe: skipped, for XIANGBO_TEST_STRIPE_KEY (sk_test_…) is not set; Stripe was not asked" ;; \
	sk_test_*) $(MAKE) --no-print-directory .venv/dev.stamp \
		&& $(BIN)/pytest tests/shop/payments/test_journey.py --stripe ;; \
	*) echo "test-stripe: refused, XIANGBO_TEST_STRIPE_KEY is no test key (sk_test_…)" >&2; exit 1 ;; \
	esac

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks

format: .venv/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Debian packages that only tests use: a browser, Chinese fonts, a PDF reader.
system:
	@sh deploy/test-packages

.venv/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Xiangbo needs Python 3.11 or newer; name one with PYTHON=" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

.venv/run.stamp: .venv/pip.stamp requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# Needs `uv` on the path. Hashes and versions only: where packages come from is the reader's choice.
lock:
	uv pip compile pyproject.toml --group build $(LOCK) -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev -c requirements.lock $(LOCK) \
		-o requirements-dev.lock
LOCK := --quiet --python-version 3.11 --universal --generate-hashes --no-annotate --no-header \
	--no-emit-index-url

clean:
	rm -rf .venv
