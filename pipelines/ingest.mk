# Ingest, driven by make: one target for each list of files, resumable, several
# at once.  An interrupted run goes on with the lists that are not done.
#
#	make -f ingest.mk -j2 IN=/data/incoming		everything below a directory
#	make -f ingest.mk -j2 LISTS='a.list b.list'	lists of your own (NUL-ended)
#	make -f ingest.mk clean IN=/data/incoming	forget what was done
#
# WORK is where the lists, the stamps and each list's rejects are kept; its
# names are of lists, not of files, so that any file name will do.
WORK  ?= .ingest
BATCH ?= 1000
FLAGS ?=
MDM_INGEST ?= mdm-ingest

SPLIT := $(wildcard $(WORK)/list.*[0-9])
DONE  := $(SPLIT:%=%.done) $(LISTS:%=%.done)

ifdef LISTS
all: $(DONE)
else ifneq ($(SPLIT),)
all: $(DONE)
else
# The lists are made first, at once or not at all; then make looks again.
all: $(WORK)/split
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) all
$(WORK)/split:
	$(if $(IN),,$(error say IN=DIRECTORY or LISTS='FILE...'))
	@rm -rf $(WORK).part && mkdir -p $(WORK).part
	find '$(IN)' -type f -print0 | sort -z | \
	    split -t '\0' -l $(BATCH) -a 6 -d - $(WORK).part/list.
	@mkdir -p $(WORK) && { ! ls $(WORK).part | grep -q . || \
	    mv $(WORK).part/list.* $(WORK)/; } && rmdir $(WORK).part && touch $@
endif

# Exit 1 says that some objects were set aside, each named in LIST.rejects: the
# list is done all the same.
%.done: %
	@$(MDM_INGEST) -0 -T $< --rejects $<.rejects $(FLAGS) || [ $$? -eq 1 ]
	@touch $@

clean:
	rm -rf $(WORK) $(WORK).part

.PHONY: all clean
.DELETE_ON_ERROR:
