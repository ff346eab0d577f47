# lmcc: `make` builds the compiler, `make demo` shows it at work, `make test` checks it,
# `make help` lists the rest. Products go to build/.

CC ?= cc
OPT ?= -O2
B ?= build
PREFIX ?= /usr/local
ZSH_FUNCTIONS ?= $(PREFIX)/share/zsh/site-functions
PYTHON ?= /usr/bin/python3

WARN := -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror
# No contraction into fused multiply-adds: the same input gives the same bytes on every host.
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -Iinclude -Icompiler -Ipasses $(OPT) -g -ffp-contract=off \
              -fopenmp $(WARN) $(CPPFLAGS) $(CFLAGS)
LIBS := -lyaml -ljansson -lzstd -lxxhash -lm -ldl

# Debian packages: to build, for what `make demo` shows, and for every test that there is.
PACKAGES_BUILD := gcc libc6-dev libyaml-dev libjansson-dev libzstd-dev libxxhash-dev
PACKAGES_DEMO := gcc-arm-none-eabi qemu-system-arm
PACKAGES_TEST := libcmocka-dev python3 python3-numpy python3-jsonschema python3-sentencepiece \
                 zstd cmake
PACKAGES_DEB := dpkg-dev debhelper fakeroot lintian
# Node.js may be here from elsewhere, which Debian's npm would not go with.
NODE := $(if $(shell command -v npm),,nodejs npm)
PACKAGES_ALL := clang g++ libclang-rt-14-dev gcc-arm-none-eabi qemu-system-arm qemu-system-misc \
                gcc-riscv64-unknown-elf gcc-xtensa-lx106 gcc-powerpc-linux-gnu \
                libc6-dev-powerpc-cross qemu-user cppcheck chromium $(NODE)

TOOLS := compiler/embed.c compiler/make_tables.c
LIBRARY := $(filter-out $(TOOLS),$(wildcard compiler/*.c compiler/import/*.c compiler/emit/*.c \
                                            compiler/grammar/*.c compiler/search/*.c \
                                            compiler/train/*.c passes/*.c))
# The inner loops of compiler/train/, once more for each wider instruction set of the host.
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
LOOPS := $(B)/compiler/train/loops_avx2.o $(B)/compiler/train/loops_avx512.o
endif
CLI := $(wildcard compiler/cli/*.c)
EMBEDDED := $(sort compiler/emit/report.css $(shell find targets runtime_template -type f \
              \( -name '*.yaml' -o -name '*.[chS]' -o -name '*.ld' -o -name LICENSE \
                 -o -path '*/package/*' \)))
UNIT := $(patsubst test/unit/%.c,$(B)/unit/%,$(wildcard test/unit/test_*.c))

all: $(B)/lmcc  ## the compiler, build/lmcc

$(B)/lmcc: $(CLI:%.c=$(B)/%.o) $(B)/liblmcc.a
	@echo "  LD $@"
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/liblmcc.a: $(LIBRARY:%.c=$(B)/%.o) $(LOOPS) $(B)/embedded.o
	@rm -f $@ && ar rcsD $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Sixteen lanes are passed between inlined functions only: their calling convention is of no matter.
$(LOOPS) $(B)/compiler/train/loops.o: ALL_CFLAGS += -O3 -fno-math-errno -Wno-psabi $(LOOPS_FLAGS)
$(B)/compiler/train/loops_avx2.o: LOOPS_FLAGS := -mavx2 -DTILE_ROWS=6 \
    -DLOOPS_TABLE=loops_avx2 -DLOOPS_NAME='"AVX2"'
$(B)/compiler/train/loops_avx512.o: LOOPS_FLAGS := -mavx512f -mprefer-vector-width=512 \
    -DTILE_ROWS=8 -DLOOPS_TABLE=loops_avx512 -DLOOPS_NAME='"AVX-512"'
$(LOOPS): compiler/train/loops.c
	@mkdir -p $(@D)
	@echo "  CC $(@:$(B)/%=%)"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/embedded.c: $(B)/embed $(EMBEDDED)
	@$(B)/embed $@ $(EMBEDDED)

$(B)/embedded.o: $(B)/embedded.c
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/embed: compiler/embed.c
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -o $@ $<

$(B)/unit/%: test/unit/%.c $(B)/liblmcc.a $(wildcard test/unit/*.h)
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(ALL_CFLAGS) -Itest/unit -Icompiler/import -o $@ $< $(B)/liblmcc.a -lcmocka $(LIBS)

tables:  ## write the lm_*_table.h, lm_tables.h, lm_unicode.h and unicode_data.c again
	@mkdir -p $(B)
	@$(CC) -O2 -o $(B)/make_tables compiler/make_tables.c -lm
	@$(B)/make_tables > runtime_template/lm_tables.h
	@$(B)/make_tables gelu > runtime_template/lm_gelu_table.h
	@$(B)/make_tables gelu-erf > runtime_template/lm_gelu_erf_table.h
	@$(B)/make_tables tanh > runtime_template/lm_tanh_table.h
	@$(PYTHON) -B compiler/make_unicode.py > runtime_template/lm_unicode.h
	@$(PYTHON) -B compiler/make_unicode_host.py > compiler/unicode_data.c
	@$(PYTHON) -B compiler/make_graphemes.py > runtime_template/lm_grapheme_table.h

# Installing. Packages are named before they are installed; what is there already is left alone.
missing = $(strip $(foreach p,$(1),$(if $(shell dpkg-query -W -f='$${Status}' $(p) 2>/dev/null | \
            grep -x 'install ok installed'),,$(p))))
install_missing = @m="$(call missing,$(1))"; if [ -n "$$m" ]; then \
    echo "Installing Debian packages: $$m"; \
    as=; [ "$$(id -u)" = 0 ] || as=sudo; \
    $$as apt-get update -q >/dev/null && \
    $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$m \
        >/dev/null; fi

deps:  ## install what building needs
	$(call install_missing,$(PACKAGES_BUILD))

deps-demo: deps
	$(call install_missing,$(PACKAGES_DEMO))

deps-test: deps
	$(call install_missing,$(PACKAGES_TEST))

deps-deb: deps-test
	$(call install_missing,$(PACKAGES_DEB))

deps-all: deps-demo deps-test deps-deb
	$(call install_missing,$(PACKAGES_ALL))

deps-report:  ## install what the report is checked with in a browser, from npm, into build/npm
	@mkdir -p $(B)/npm
	@npm install --prefix $(B)/npm --no-audit --no-fund --silent \
	    html-validate@10 axe-core@4 puppeteer-core@24

demo: deps-demo  ## compile examples/tales, run it on the host and on an emulated Cortex-M7
	@$(MAKE) --no-print-directory all
	@examples/tales/demo.sh $(B)/lmcc $(B)/demo

units: $(UNIT)

# Testing.
unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

check: all unit  ## the quick tests, with what is installed
	@test/golden/run.sh

test: deps-test  ## every test whose tools are installed; says which are skipped
	@$(MAKE) --no-print-directory all
	@B=$(B) PYTHON=$(PYTHON) test/run.sh

test-all: deps-all  ## every test; installs every toolchain and emulator
	@$(MAKE) --no-print-directory all deps-report
	@B=$(B) PYTHON=$(PYTHON) REQUIRE_ALL=1 test/run.sh

tokenizers-all: all  ## every kind of tokenizer over 100,000 texts; TOKENIZERS=node_modules: npm's too
	@B=$(B) PYTHON=$(PYTHON) test/oracle/tokenizers.sh

fuzz: all  ## mutate inputs; N=20000 RUNS=1000000 for longer
	@B=$(B) N=$(N) test/fuzz/run.sh
	@B=$(B) RUNS=$(RUNS) test/fuzz/libfuzzer/run.sh || [ $$? -eq 77 ]

# Instruction counts. STORIES: stories260K.bin with tok512.bin beside it (docs/benchmarks.md).
bench: all  ## instructions of every kernel and of whole tokens, on emulated cores
	@B=$(B) STORIES=$(STORIES) $(PYTHON) -B test/bench/bench.py --json $(B)/bench.json

bench-check: all  ## fails where something takes over 2 % more than recorded
	@B=$(B) STORIES=$(STORIES) $(PYTHON) -B test/bench/bench.py --check

bench-record: all  ## records test/bench/baseline.json and docs/benchmarks.md
	@B=$(B) STORIES=$(STORIES) $(PYTHON) -B test/bench/bench.py --record

fmt:  ## lay the code out
	@clang-format -i $(shell git ls-files '*.c' '*.h' | \
	    grep -vE 'package/|lm_tables|lm_gelu_(erf_)?table|lm_tanh_table|lm_unicode|lm_grapheme_table|unicode_data.c')

lint: all  ## static checks
	@cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr -Iinclude \
	    -Icompiler compiler passes

install: all  ## program, manual page, completion and schema into PREFIX, /usr/local by default
	install -D -m 755 $(B)/lmcc $(DESTDIR)$(PREFIX)/bin/lmcc
	install -D -m 644 compiler/share/lmcc.1 $(DESTDIR)$(PREFIX)/share/man/man1/lmcc.1
	install -D -m 644 compiler/share/manifest.schema.json \
	    $(DESTDIR)$(PREFIX)/share/lmcc/manifest.schema.json
	install -D -m 644 compiler/share/lmcc.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lmcc
	install -D -m 644 compiler/share/_lmcc $(DESTDIR)$(ZSH_FUNCTIONS)/_lmcc

uninstall:  ## take it out again
	rm -f $(DESTDIR)$(PREFIX)/bin/lmcc $(DESTDIR)$(PREFIX)/share/man/man1/lmcc.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lmcc \
	    $(DESTDIR)$(ZSH_FUNCTIONS)/_lmcc \
	    $(DESTDIR)$(PREFIX)/share/lmcc/manifest.schema.json

# From a copy of the sources; debian/ is where dpkg-buildpackage looks for what it needs.
deb: deps-deb  ## a Debian package, build/deb/lmcc_*.deb, its quick tests run, checked by lintian
	@rm -rf $(B)/deb && mkdir -p $(B)/deb/lmcc
	@if [ -e .git ]; then git ls-files -coz --exclude-standard; else find . -path ./$(B) -prune -o -type f -print0; fi | \
	    tar -c --null --files-from=- | tar -x -C $(B)/deb/lmcc
	@cd $(B)/deb/lmcc && dpkg-buildpackage -us -uc $(DEB_FLAGS)
	@lintian --fail-on error,warning --suppress-tags new-package-should-close-itp-bug \
	    $(B)/deb/lmcc_*.changes
	@ls $(B)/deb/lmcc_*.deb

clean:  ## remove what was built
	rm -rf $(B)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
	    expand -t 20

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all tables deb deps deps-deb deps-demo deps-test deps-all deps-report demo unit check test test-all fuzz fmt lint units \
        tokenizers-all bench bench-check bench-record \
        install uninstall clean help
