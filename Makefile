# make            build bin/*
# make demo       the whole chain on real DICOM, in demo/ (IN=DIR for your own)
# make check      every test
# make bench      speeds, as ratios against other tools measured in the same run
# make lint       style, shell and manual pages
# make fuzz       build obj-fuzz/fuzz-*, run each for FUZZ_SECONDS; needs clang
# make demo-grid  the same over the services of a grid, all on this machine
# make demo-recall  images that stay in a DICOM server until somebody asks
# make services   such a grid to try things on, in services/
# make install    to $(DESTDIR)$(PREFIX)
# make SAN=1 ...  the same under AddressSanitizer and UBSan, in obj-san/
# make WERROR=1   warnings are errors, as in CI
# Settings of your own go in config.mk, which git ignores.
-include config.mk

VERSION := $(shell git describe --always --dirty 2>/dev/null || cat VERSION 2>/dev/null || echo 0)
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
PYTHON  ?= /usr/bin/python3
O       := $(if $(SAN),obj-san,obj)
B       := $(if $(SAN),obj-san/bin,bin)

# Debian packages, by what they are for.  `make deps` installs what is missing.
DEB_BUILD := gcc g++ make libpopt-dev libarchive-dev libssl-dev \
	libdcmtk-dev libsqlite3-dev libpq-dev libdeflate-dev zlib1g-dev \
	libevent-dev voms-dev libjansson-dev libpng-dev libcurl4-openssl-dev libexpat1-dev libxml2-dev libgfal2-dev
DEB_DEMO  := age python3-pydicom
DEB_GRID  := util-linux openssl voms-clients postgresql postgresql-client \
	xrootd-server xrootd-server-plugins xrootd-voms-plugins xrootd-client \
	xrootd-client-plugins libxrootd-server-dev globus-gridftp-server-progs gfal2-plugin-xrootd \
	gfal2-plugin-gridftp gfal2-plugin-srm gfal2-plugin-sftp gfal2-plugin-http
DEB_CHECK := $(DEB_GRID) bsdutils procps dcmtk dicom3tools python3-cryptography perl strace faketime shellcheck mandoc sqlite3 curl \
	orthanc orthanc-dicomweb libgdcm-tools gfal2-util-scripts
DEB_BENCH := libgdcm-tools

CFLAGS   ?= -O2 -g
CXXFLAGS ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wpointer-arith -Wwrite-strings -Wvla \
	$(if $(WERROR),-Werror)
override CFLAGS   += -std=c11 $(WARN) -Wstrict-prototypes -Wmissing-prototypes
override CXXFLAGS += -std=c++17 -Wall -Wextra $(if $(WERROR),-Werror)
override CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib -MMD -MP
HARD := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
HARD_LD := -pie -Wl,-z,relro,-z,now
ifdef SAN
HARD := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HARD_LD := $(HARD)
endif

# A filter is filters/NAME.c, linked with what it uses of lib/.  One external
# library is included by one file of lib/ (popt aside); the linker drops those
# that a filter does not reach.
FILTERS := $(patsubst filters/%.c,%,$(wildcard filters/*.c))
LIBS    := -Wl,--as-needed -lpopt -larchive -lssl -lcrypto -lsqlite3 -ldeflate -lz -lvomsapi -levent_openssl -levent -ljansson -lpng -lcurl -lexpat -lxml2 -ldl -lm -pthread

# Those that parse DICOM with DCMTK are linked as C++.  DCMTK's own .pc asks
# for libraries that it does not need.
CXX_FILTERS := $(filter dcm-anon dcm-sheet,$(FILTERS))
# Those that speak DICOM's network protocol.
NET_FILTERS := $(filter dcm-find dcm-get dcm-recv,$(FILTERS))
# The bridges need lib/ and lib/ needs the bridges.
BOTH        := -Wl,--start-group $O/libxx.a $O/lib.a -Wl,--end-group
DCMTK       := -ldcmjpeg -ldcmjpls -ldcmdata -loflog -lofstd
DCMNET      := -ldcmtls -ldcmnet -ldcmdata -loflog -lofstd

LIB := $(patsubst lib/%.c,$O/lib/%.o,$(wildcard lib/*.c))
CXXLIB := $(patsubst lib/%.cc,$O/lib/%.o,$(wildcard lib/*.cc))
BIN := $(FILTERS:%=$B/%)

all: $(BIN)

$(CXX_FILTERS:%=$B/%): $B/%: $O/filters/%.o $O/lib.a $O/libxx.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) $(HARD_LD) -o $@ $< $(BOTH) $(DCMTK) $(LIBS)

$(NET_FILTERS:%=$B/%): $B/%: $O/filters/%.o $O/lib.a $O/libxx.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) $(HARD_LD) -o $@ $< $(BOTH) $(DCMNET) $(LIBS)

$(filter-out $(CXX_FILTERS:%=$B/%) $(NET_FILTERS:%=$B/%),$(BIN)): $B/%: $O/filters/%.o $O/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(HARD_LD) -o $@ $< $O/lib.a $(LIBS)

$O/lib.a: $(LIB)
	@rm -f $@
	$(AR) rcs $@ $^

$O/libxx.a: $(CXXLIB)
	@rm -f $@
	$(AR) rcs $@ $^

# The version is compiled into opt.o alone; a new commit rebuilds only that.
$O/lib/opt.o: $O/version
$O/lib/opt.o: override CPPFLAGS += -DVERSION='"$(VERSION)"'
$O/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
FORCE:

$O/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(HARD) -c -o $@ $<

$O/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(HARD) -c -o $@ $<

# gfal2 is loaded when it is needed; only its headers are, here.
$O/lib/wire_gfal.o obj-fuzz/lib/wire_gfal.o: override CPPFLAGS += $$(pkg-config --cflags gfal2 gfal_transfer | sed 's/-I/-isystem /g')

$O/lib/srm_soap.o obj-fuzz/lib/srm_soap.o: override CPPFLAGS += $$(xml2-config --cflags | sed 's/-I/-isystem /g')

# Tests: everything speaks TAP, prove runs it all.  A unit test is
# tests/unit/NAME.c; a fuzz target is tests/fuzz/fuzz-NAME.c with its corpus in
# tests/fuzz/corpus/NAME/.  Those that need DCMTK are named here.
UNIT := $(patsubst tests/unit/%.c,$O/unit-%,$(wildcard tests/unit/*.c))
FUZZ := $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
REPLAY := $(FUZZ:%=$O/replay-%)
CXX_TESTS := dcm deid
TESTLIBS = $(if $(filter $(CXX_TESTS),$*),$(BOTH),$O/lib.a) \
	$(if $(filter $(CXX_TESTS),$*),$(DCMTK)) $(LIBS)

$(UNIT): $O/unit-%: $O/tests/unit/%.o $O/lib.a $O/libxx.a
	$(CXX) $(LDFLAGS) $(HARD_LD) -o $@ $< $(TESTLIBS)
$(REPLAY): $O/replay-%: $O/tests/fuzz/fuzz-%.o $O/tests/fuzz/replay.o $O/lib.a $O/libxx.a
	$(CXX) $(LDFLAGS) $(HARD_LD) -o $@ $< $O/tests/fuzz/replay.o $(TESTLIBS)

# What services in tests are made of that is not a package.
FAULT := $O/fault-scp
$(FAULT): $O/tests/services/fault-scp.o
	$(CXX) $(LDFLAGS) $(HARD_LD) -o $@ $< $(DCMNET) -pthread

# TESTS="rec say" runs those of tests/*.t only.
TESTS ?= $(patsubst tests/%.t,%,$(wildcard tests/*.t))
export ASAN_OPTIONS ?= detect_leaks=0
check: deps-check all $(UNIT) $(REPLAY) $(FAULT)
	BIN=$(abspath $B) O=$(abspath $O) PYTHON=$(PYTHON) \
	    prove -j$$(nproc) --timer --exec bash $(TESTS:%=tests/%.t) :: </dev/null
	prove -j$$(nproc) --exec '' $(UNIT)
	@for f in $(FUZZ); do \
	    $O/replay-$$f tests/fuzz/corpus/$$f || exit 1; done
	@echo "$(words $(UNIT)) unit programs, $(words $(FUZZ)) fuzz corpora, $(words $(TESTS)) test files"

lint:
	shellcheck -S warning tests/*.t tests/*.sh \
	    $$(grep -lE '^#!/bin/bash|^# shellcheck shell=' tests/services/*) $(wildcard pipelines/mdm-*) \
	    $(wildcard pipelines/glite/*) $(RECALL) $(wildcard pipelines/demo*) pipelines/deps
	clang-format --dry-run -Werror lib/*.[ch] lib/*.cc filters/*.c \
	    tests/unit/*.[ch] tests/fuzz/*.c tests/services/*.cc
	mandoc -Tlint -Wwarning doc/*.[157]

FUZZ_SECONDS ?= 60
fuzz: $(FUZZ:%=obj-fuzz/fuzz-%)
	@for f in $(FUZZ); do mkdir -p obj-fuzz/corpus/$$f && \
	    obj-fuzz/fuzz-$$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -detect_leaks=0 -artifact_prefix=obj-fuzz/ \
	    obj-fuzz/corpus/$$f tests/fuzz/corpus/$$f || exit 1; done

FUZZFLAGS := -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZLIB := $(patsubst lib/%.c,obj-fuzz/lib/%.o,$(wildcard lib/*.c))
obj-fuzz/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	clang $(CPPFLAGS) -std=c11 $(FUZZFLAGS) -c -o $@ $<
obj-fuzz/lib/%.xx.o: lib/%.cc
	@mkdir -p $(@D)
	clang++ $(CPPFLAGS) -std=c++17 $(FUZZFLAGS) -c -o $@ $<
obj-fuzz/fuzz-%.o: tests/fuzz/fuzz-%.c
	@mkdir -p $(@D)
	clang $(CPPFLAGS) -std=c11 $(FUZZFLAGS) -c -o $@ $<
obj-fuzz/fuzz-%: obj-fuzz/fuzz-%.o $(FUZZLIB) $(patsubst lib/%.cc,obj-fuzz/lib/%.xx.o,$(wildcard lib/*.cc))
	clang++ -fsanitize=fuzzer,address,undefined -o $@ $^ $(DCMTK) $(DCMNET) $(LIBS)

bench: deps-bench all $O/load
	BIN=$(abspath $B) O=$(abspath $O) PYTHON=$(PYTHON) $(PYTHON) tests/bench/run $(BENCH)

$O/load: $O/tests/bench/load.o
	$(CC) $(LDFLAGS) $(HARD_LD) -o $@ $< -lssl -lcrypto

demo: deps-demo all
	BIN=$(abspath $B) PYTHON=$(PYTHON) bash pipelines/demo $(IN)

demo-grid: deps-grid all
	BIN=$(abspath $B) PYTHON=$(PYTHON) bash pipelines/demo-grid $(IN)

demo-recall: deps-grid all
	BIN=$(abspath $B) PYTHON=$(PYTHON) bash pipelines/demo-recall $(IN)

# Until `tests/services/grid stop services'.
services: deps-grid all
	BIN=$(abspath $B) tests/services/try services

# Install what is missing, as root or by sudo; else print the line and stop.
deps-demo:  ; @sh pipelines/deps $(DEB_BUILD) $(DEB_DEMO)
deps-grid:  ; @sh pipelines/deps $(DEB_BUILD) $(DEB_DEMO) $(DEB_GRID)
deps-check: ; @sh pipelines/deps $(DEB_BUILD) $(DEB_DEMO) $(DEB_CHECK)
deps-bench: ; @sh pipelines/deps $(DEB_BUILD) $(DEB_DEMO) $(DEB_CHECK) $(DEB_BENCH)
RECALL := $(filter-out %.cc %.cfg,$(wildcard pipelines/xrootd/mdm-*))
# The plugin that shows XRootD what is nearline, when its headers are there.
XRD := $(firstword $(wildcard /usr/include/xrootd /usr/local/include/xrootd))
NEAR := $(if $(wildcard $(XRD)/XrdOss/XrdOssStatInfo.hh),$B/libmdm-near.so)
all: $(NEAR)
$B/libmdm-near.so: pipelines/xrootd/mdm-near.cc
	@mkdir -p $(@D)
	$(CXX) $(filter-out -MMD -MP,$(CPPFLAGS)) $(CXXFLAGS) -isystem $(XRD) -fPIC -shared $(LDFLAGS) -o $@ $<

$(BIN) $O/lib.a $O/libxx.a: | deps-build
deps-build: ; @sh pipelines/deps $(DEB_BUILD)

install: all
	install -d $(DESTDIR)$(BINDIR) $(addprefix $(DESTDIR)$(MANDIR)/man,1 5 7)
	install -m755 $(BIN) $(wildcard pipelines/mdm-* pipelines/glite/*) $(RECALL) pipelines/demo pipelines/deps $(DESTDIR)$(BINDIR)
	$(if $(NEAR),install -D -m755 $(NEAR) $(DESTDIR)$(PREFIX)/lib/libmdm-near.so)
	for s in 1 5 7; do install -m644 doc/*.$$s $(DESTDIR)$(MANDIR)/man$$s || exit 1; done

clean:
	rm -rf obj obj-san obj-fuzz bin demo demo-recall demo-grid services

.PHONY: all check lint fuzz bench demo demo-grid demo-recall services install clean FORCE \
	deps-demo deps-grid deps-check deps-bench deps-build
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $O -name '*.d' 2>/dev/null)
