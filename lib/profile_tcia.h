#ifndef PROFILE_TCIA_H
#define PROFILE_TCIA_H

/*
 * The profile "tcia", in the form of profile(5): what The Cancer Imaging
 * Archive keeps, moves and removes.
 */
extern const char profile_tcia[];

#endif
