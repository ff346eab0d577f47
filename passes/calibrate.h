/* What calibrating does besides finding ranges. */
#ifndef LMCC_CALIBRATE_H
#define LMCC_CALIBRATE_H

#include "sequence.h"

/* Warns when the --calib text is too short for the widest linear, or when its perplexity is far
 * above that of what the model writes. */
void check_calibration_text(Unit *u, const Corpus *text);

#endif
