# SPDX-License-Identifier: MIT
# The commands a person types; Meson and Ninja do the work. `make demo` and `make test` need nothing but a
# Debian machine: scripts/install-deps installs what is missing, and says what and why.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
# What is installed and measured: optimised as a whole. Asserts stay on.
RELEASE = --buildtype=release -Db_lto=true
# The checks are most of the code: with -O2 they take a minute longer to compile, and the tests save half of that.
ASAN = -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1
# Most tests wait more than they work.
export MESON_TESTTHREADS ?= $(shell expr $$(nproc) + 3)

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

demo:
	scripts/install-deps build
	$(MAKE) $(BUILD)/build.ninja
	ninja -C $(BUILD) cmd/decree
	$(BUILD)/cmd/decree demo

test:
	scripts/install-deps build test
	$(MAKE) all
	meson test -C $(BUILD) --print-errorlogs

slow:
	scripts/install-deps build test slow
	$(MAKE) all
	ninja -C $(BUILD) tests/clients/kube-apiserver
	meson test -C $(BUILD) --print-errorlogs --suite slow

asan:
	scripts/install-deps build test
	test -f $(BUILD)-asan/build.ninja || meson setup $(BUILD)-asan $(ASAN)
	meson test -C $(BUILD)-asan --print-errorlogs --timeout-multiplier 4 --no-suite e2e --no-suite go --no-suite mutants --no-suite tidy --no-suite unsanitized

tsan:
	scripts/install-deps build test
	test -f $(BUILD)-tsan/build.ninja || meson setup $(BUILD)-tsan -Db_sanitize=thread -Db_lundef=false
	TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp meson test -C $(BUILD)-tsan --print-errorlogs --suite threads --timeout-multiplier 4

bench:
	scripts/install-deps build bench
	test -f $(BUILD)-release/build.ninja || meson setup $(BUILD)-release $(RELEASE)
	ninja -C $(BUILD)-release all benchmarks
	DECREE_BUILD=$(abspath $(BUILD)-release) bench/run

install:
	scripts/install-deps build
	test -f $(BUILD)-release/build.ninja || meson setup $(BUILD)-release $(RELEASE)
	meson configure $(BUILD)-release --prefix=$(PREFIX)
	ninja -C $(BUILD)-release installed
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)-release --no-rebuild
	if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

format:
	scripts/install-deps test
	scripts/format

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-release

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX)

.PHONY: all demo test slow asan tsan bench install format clean
