/* What a negative result means: the same numbers as in the generated header.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_ERROR_H
#define LM_ERROR_H

#define LM_E_ARGUMENT (-1) /* a null pointer, a token that does not exist, a negative size */
#define LM_E_SPACE (-2)    /* the output does not hold the result */
#define LM_E_EMPTY (-3)    /* no token is allowed */
#define LM_E_WORD (-4)     /* a word longer than there is room for */
#define LM_E_BLOB (-9)     /* no weights, or those of another interface or byte order */
#define LM_E_MODEL (-10)   /* weights of another model */
#define LM_E_LENGTH (-11)  /* fewer bytes than there must be */
#define LM_E_ALIGN (-12)   /* an address that is not aligned */

#endif
