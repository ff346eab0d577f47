# lmcc: `make` builds the compiler, `make demo` shows it, `make test` checks it, `make help` lists
# everything. Products go to build/.

CC ?= cc
OPT ?= -O2
B := build
WARN := -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror
# No contraction into fused multiply-adds: the same input gives the same bytes on every host.
CFLAGS_ALL := -std=c11 -D_GNU_SOURCE -Iinclude -Icompiler -Ipasses $(OPT) -g -ffp-contract=off -fopenmp $(WARN) $(CFLAGS)
LIBS := -lyaml -ljansson -lzstd -lxxhash -lm -ldl

TOOLS := compiler/embed.c compiler/make_tables.c
SOURCES := $(filter-out $(TOOLS),$(wildcard compiler/*.c compiler/import/*.c compiler/emit/*.c passes/*.c))
CLI := $(wildcard compiler/cli/*.c)
OBJECTS := $(SOURCES:%.c=$(B)/%.o) $(B)/embedded.o
EMBEDDED := $(sort $(shell find targets runtime_template -type f \( -name '*.yaml' -o -name '*.[chS]' -o -name '*.ld' -o -name LICENSE \)))

all: $(B)/lmcc

$(B)/lmcc: $(CLI:%.c=$(B)/%.o) $(B)/liblmcc.a
	@echo "  CC $@"; $(CC) $(CFLAGS_ALL) -o $@ $^ $(LIBS)

$(B)/liblmcc.a: $(OBJECTS)
	@rm -f $@ && ar rcsD $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $@"; $(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/embedded.c: $(B)/embed $(EMBEDDED)
	$(B)/embed $@ $(EMBEDDED)

$(B)/embedded.o: $(B)/embedded.c
	@echo "  CC $@"; $(CC) $(CFLAGS_ALL) -c -o $@ $<

$(B)/embed: compiler/embed.c
	@mkdir -p $(@D)
	@echo "  CC $@"; $(CC) $(CFLAGS_ALL) -o $@ $<

clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all clean
