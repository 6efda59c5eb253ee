# SPDX-License-Identifier: GPL-3.0-or-later
#
# vae-lab.   make          build ./vae-lab              make demo     build, run the quick KL ablation, draw its figures
#            make check    run every test               make paper    the lecture notes (needs TeX Live)
#            make check-exhaustive  test each vector function on all 2^32 inputs; takes minutes
#            make check-bits    compare the bits of all threads, instruction sets, compilers, processors; takes minutes
#            make check-faults  kills, power cuts, failing allocations and files, many writers; about 9 minutes
#            make check-slurm   a sweep on a private SLURM equals one without it; about 3 minutes
#            make asan     build and test with the address and undefined behaviour sanitizers (ubsan: the latter alone)
#            make bench    measurements against other programs
#            make coverage lines of src/ that the tests run      make tsan     tests of everything that uses threads, with the thread sanitizer
#            make fuzz     fuzz every parser for FUZZ_SECONDS=10 each, or RUNS=N inputs (needs clang; tests/fuzz/README.md)
#            make claims   run every experiment in its quick profile and judge its claims
#            make lint | layers  static checks          make install PREFIX=/usr/local DESTDIR=
#
# The Makefile finds new .c files of a room.  Files in src/num/isa/ are compiled once for each instruction set, files in
# src/graph/ops/ once for float and once for double.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
VARIANT ?= release
WERROR  ?= $(if $(CI),-Werror,)
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)

B := build/$(VARIANT)
BIN := $(if $(filter release,$(VARIANT)),vae-lab,$(B)/vae-lab)

# ---- flags ----------------------------------------------------------------------------------------------------------
# -ffp-contract=off and no fast-math are part of the arithmetic: fused operations are written as fma.
PKGS      := gsl sqlite3 lua5.4 zlib nettle smartcols jansson libzip libcurl
# evaluated only when something is built, so that `make deps` runs on a machine without pkg-config
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))
VERSION   := $(shell cat VERSION)

OPT_release := -O2 -g
OPT_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_ubsan   := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
OPT_tsan    := -O1 -g -fsanitize=thread
OPT_coverage := -O0 -g --coverage -fprofile-update=atomic -Wl,--wrap=_exit,--wrap=execvp
OPT_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
            -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
OPT     ?= $(OPT_$(VARIANT))
# -Wno-pass-failed: clang warns about each loop that plain x86-64 cannot vectorise; gcc ignores the flag
WARN    := -Wno-pass-failed -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wcast-qual
MATH    := -ffp-contract=off -fno-math-errno -fno-trapping-math
CFLAGS_ALL = -std=c11 -D_POSIX_C_SOURCE=200809L -Isrc $(PKG_CFLAGS) $(OPT) $(WARN) $(WERROR) -fopenmp-simd -pthread $(MATH) \
             -DVAE_LAB_VERSION='"$(VERSION)"' $(CFLAGS)
LDLIBS_ALL = $(PKG_LIBS) -lm -ldl -pthread $(LDFLAGS)

# ---- rooms and objects -----------------------------------------------------------------------------------------------
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ISA_x86_64  := avx512 avx2 generic
ISA_aarch64 := neon generic
ISAS := $(or $(ISA_$(ARCH)),generic)
ISA_FLAGS_avx512 := -mavx512f -mavx512vl -mavx512dq -mavx512bw -mavx2 -mfma -mprefer-vector-width=512
ISA_FLAGS_avx2   := -mavx2 -mfma
# The release build optimises the kernels more than the rest; OPT=… on the command line applies to them too.
# -fno-thread-jumps: otherwise gcc evaluates a polynomial twice, once for each outcome of an earlier choice
ISA_FLAGS_release := -O3 $(if $(shell $(CC) --version | grep -i clang),,-fno-thread-jumps)
# Atomic counts in the kernels would make an epoch twelve times as slow.  Threads that count at the same time lose counts there, never all.
ISA_FLAGS_coverage := -O2 -fprofile-update=single
ISA_FLAGS ?= $(if $(filter file,$(origin OPT)),$(ISA_FLAGS_$(VARIANT)))

ROOMS    := base num graph data stats store plot infer lab bind cli
SRC      := $(foreach r,$(ROOMS),$(wildcard src/$(r)/*.c))
ISA_SRC  := $(wildcard src/num/isa/*.c)
OPS_SRC  := $(wildcard src/graph/ops/*.c)
OBJ      := $(SRC:src/%.c=$(B)/%.o) \
            $(foreach i,$(ISAS),$(ISA_SRC:src/%.c=$(B)/%.$(i).o)) \
            $(OPS_SRC:src/%.c=$(B)/%.float.o) $(OPS_SRC:src/%.c=$(B)/%.double.o)
# _exit, which ends worker processes, and execvp would lose their counts
OBJ      += $(if $(filter coverage,$(VARIANT)),$(B)/tests/gcov_exit.o)
LIB      := $(B)/libvaelab.a
CAMPAIGNS := power_cut writers allocations io kills
TEST_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))

FUZZ     := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all demo check check-exhaustive check-bits check-faults check-slurm fuzz fuzzers tsan deps install uninstall clean lint layers asan ubsan coverage bench claims paper docs help FORCE
all: $(BIN)

# Changed flags rebuild everything.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(CFLAGS_ALL) $(ISA_FLAGS) $(ISAS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS_ALL) $(ISA_FLAGS) $(ISAS)' > $@
FORCE:

# Prints one short line per file; V=1 prints the commands.
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(Q),@printf '  %-3s %s\n' $(1) $(2))

define compile
	@mkdir -p $(@D)
	$(call say,CC,$(@:$(B)/%.o=%))
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP $(1) -c $< -o $@
endef

$(B)/%.float.o: src/%.c $(B)/flags
	$(call compile,-DGRAPH_REAL_FLOAT)
$(B)/%.double.o: src/%.c $(B)/flags
	$(call compile,-DGRAPH_REAL_DOUBLE)

define isa_rule
$(B)/num/isa/%.$(1).o: src/num/isa/%.c $(B)/flags
	$$(call compile,$$(ISA_FLAGS) $$(ISA_FLAGS_$(1)) -DNUM_VARIANT=$(1))
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

$(B)/num/%.o: src/num/%.c $(B)/flags
	$(call compile,-DNUM_ISA_LIST='$(foreach i,$(ISAS),X($(i)))')
$(B)/%.o: src/%.c $(B)/flags
	$(call compile)
# one file knows where the program is installed: another PREFIX compiles it alone
$(B)/bind/library.o: $(B)/prefix
$(B)/bind/library.o: private CFLAGS_ALL += -DVAE_LAB_PREFIX='"$(PREFIX)"'
$(B)/prefix: FORCE
	@mkdir -p $(B)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' > $@
# what each run records of the program that computed it: another commit compiles one file.  "+" after the commit: the files differ from it
$(B)/lab/environment.o: $(B)/lab/build.inc
$(B)/lab/build.inc: FORCE
	@mkdir -p $(@D)
	@{ printf '#define LAB_BUILD_COMMIT "%s"\n' "$$(git -c core.fsmonitor=false describe --always --abbrev=40 --exclude='*' --dirty=+ 2>/dev/null)"; \
	   printf '#define LAB_BUILD_VARIANT "%s"\n' '$(VARIANT)'; \
	   printf '#define LAB_BUILD_FLAGS "%s"\n' "$$(echo '$(strip $(OPT) $(MATH) $(CFLAGS)); kernels: $(strip $(OPT) $(ISA_FLAGS))' | sed 's/[\\"]/\\&/g')"; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/lab/environment.o: private CFLAGS_ALL += -I$(B)/lab
# the schema is compiled into the program
$(B)/store/schema.o: $(B)/store/schema.inc
$(B)/store/schema.inc: src/store/schema.sql $(sort $(wildcard src/store/schema_*.sql))
	@mkdir -p $(@D)
	@for f in $^; do sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $$f; echo ,; done > $@
$(B)/store/schema.o: private CFLAGS_ALL += -I$(B)/store
# and so is the Lua code that prepares a script's globals
$(B)/bind/sandbox.o: $(B)/bind/prelude.inc
$(B)/bind/prelude.inc: src/bind/prelude.lua
	@mkdir -p $(@D)
	@sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n",/' $< > $@
$(B)/bind/sandbox.o: private CFLAGS_ALL += -I$(B)/bind
# and the part of a SLURM script that is the same for every sweep
$(B)/cli/cli_slurm.o: $(B)/cli/slurm.inc
$(B)/cli/slurm.inc: src/cli/slurm.sh
	@mkdir -p $(@D)
	@sed -n -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n",/' -e '/^"# ----/,$$p' $< > $@
$(B)/cli/cli_slurm.o: private CFLAGS_ALL += -I$(B)/cli

$(LIB): $(OBJ)
	$(call say,AR,$@)
	@rm -f $@
	@ar rcs $@ $^
$(BIN): $(B)/main.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(OPT) -o $@ $^ $(LDLIBS_ALL)

# ---- tests ----------------------------------------------------------------------------------------------------------
# Numbers are the same in every build: a long sweep over sizes is shorter where the compiler adds checks or counts to each step.
INSTRUMENTED := $(if $(filter release,$(VARIANT)),0,1)
$(B)/tests/%: tests/%.c $(LIB) $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Itests -DINSTRUMENTED=$(INSTRUMENTED) -MMD -MP -MF $@.d $< $(filter %.o,$^) $(LIB) -o $@ -lcmocka $(LDLIBS_ALL)

$(B)/tests/gcov_exit.o: tests/gcov_exit.c $(B)/flags
	$(call compile)
# test_fuzz runs every fuzz target on its kept inputs: each target's entry point gets its own name
$(B)/tests/fuzz/%.o: tests/fuzz/%.c $(B)/flags
	$(call compile,-Itests -DLLVMFuzzerTestOneInput=$*)
$(B)/tests/test_fuzz: $(FUZZ:%=$(B)/tests/fuzz/fuzz_%.o)
$(B)/tests/test_fuzz: private CFLAGS_ALL += -DFUZZ_TARGETS='$(foreach t,$(FUZZ),X($(t)))'

# The fault campaigns (tests/faults/README.md) share helpers; the library that makes calls fail is preloaded.
FAULT_HELPERS := $(B)/faults/faults.o $(B)/faults/commands.o $(B)/faults/disk.o
FAULT_BIN := $(patsubst %,$(B)/faults/%,$(CAMPAIGNS)) $(B)/faults/inject.so
$(B)/faults/%.o: tests/faults/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Itests -MMD -MP -c $< -o $@
$(CAMPAIGNS:%=$(B)/faults/%): %: %.o $(FAULT_HELPERS) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(OPT) -o $@ $^ -lcmocka $(LDLIBS_ALL)
$(B)/faults/inject.so: tests/faults/inject.c tests/faults/inject.h $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=c11 -O2 -g $(WARN) $(WERROR) -fPIC -shared -pthread $< -o $@ -ldl

tests: $(TEST_BIN) $(FAULT_BIN)
check: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all tests VARIANT=$(VARIANT)
	@tests/run $(B) $(BIN)

# Tests every vector function on all 2^32 inputs.  Finished functions are recorded until all pass, so that it can be stopped and resumed.
$(B)/tests/exhaustive $(B)/tests/test_num_elementwise: private CFLAGS_ALL += -DNUM_ISA_LIST='$(foreach i,$(ISAS),X($(i)))'
check-exhaustive: deps
	@$(MAKE) --no-print-directory -j$(JOBS) $(B)/tests/exhaustive VARIANT=$(VARIANT)
	@$(B)/tests/exhaustive --resume $(B)/tests/exhaustive.done --check docs/arithmetic.md

# Runs every fault campaign whole; `check` runs a sample of each.
check-faults: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all tests VARIANT=$(VARIANT)
	@tests/faults/run --build $(B) --program $(BIN)

# A sweep on a SLURM of its own on this machine, compared with the same sweep without it; 1,000 runs merged.
check-slurm: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all VARIANT=$(VARIANT)
	@tests/slurm/run $(BIN)

# Runs the golden models in every supported way; prints which ways are not available here.
check-bits: deps
	@tools/deps bits || true
	@tests/bits

asan ubsan: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all tests VARIANT=$@
	@tests/run build/$@ build/$@/vae-lab

# The lines of src/ that the unit tests and the end-to-end tests run, by file and by room; fails below 90 % of src, or when a test fails.
coverage: deps
	@tools/deps coverage
	@$(MAKE) --no-print-directory -j$(JOBS) all tests VARIANT=coverage
	@find build/coverage -name '*.gcda' -delete
	@tests/run build/coverage build/coverage/vae-lab; status=$$?; tools/coverage build/coverage && exit $$status

# The thread pool, every kernel that it divides, and training on three threads.  The sanitizer forbids threads after a fork of a
# process with threads unless die_after_fork=0.
TSAN_TESTS := num_parallel num_fpenv num_step num_sum num_stream num_density num_matmul graph_exec
tsan: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all $(TSAN_TESTS:%=build/tsan/tests/test_%) VARIANT=tsan
	@tests/tsan build/tsan $(TSAN_TESTS)

# One program a target: clang's libFuzzer mutates its kept inputs, led by the coverage that they reach.
$(B)/fuzz/%: tests/fuzz/fuzz_%.c $(LIB) $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer -Itests -MMD -MP -MF $@.d $< $(LIB) -o $@ $(LDLIBS_ALL)
fuzzers: $(FUZZ:%=$(B)/fuzz/%)
fuzz:
	@tools/deps fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) fuzzers VARIANT=fuzz CC='$(if $(filter default,$(origin CC)),clang,$(CC))'
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' RUNS='$(RUNS)' tests/fuzz/run build/fuzz/fuzz $(TARGETS)

# ---- other targets -------------------------------------------------------------------------------------------------------
deps:
	@tools/deps build

demo: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	./vae-lab run experiments/kl_ablation.lua
	./vae-lab figures experiments/kl_ablation.lua

paper: all
	@tools/deps paper
	@$(MAKE) --no-print-directory -C paper

# Runs every experiment in its quick profile, one after the other, and prints the table of claims.
claims: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@for e in experiments/*.lua; do echo "$$e"; ./vae-lab run $$e >/dev/null || exit 1; done
	@./vae-lab claims

bench: all
	@tools/deps bench
	@bench/run

docs:
	@tools/docs

layers:
	@tools/layers

lint: layers
	@tools/lint

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/vae-lab/vae_lab $(DESTDIR)$(PREFIX)/share/vae-lab/experiments
	install -m 755 vae-lab $(DESTDIR)$(PREFIX)/bin/vae-lab
	cd lua && find vae_lab -type d -exec install -d $(DESTDIR)$(PREFIX)/share/vae-lab/{} \;
	cd lua && find vae_lab -name '*.lua' -exec install -m 644 {} $(DESTDIR)$(PREFIX)/share/vae-lab/{} \;
	install -m 644 experiments/*.lua $(DESTDIR)$(PREFIX)/share/vae-lab/experiments

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/vae-lab
	rm -rf $(DESTDIR)$(PREFIX)/share/vae-lab

clean:
	rm -rf build vae-lab paper/build

help:
	@sed -n '3,/^#$$/p' Makefile | cut -c3-

-include $(shell find $(B) -name '*.d' 2>/dev/null)
