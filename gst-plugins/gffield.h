/*
 * gffield.h: arithmetic of GF(2^8) with the polynomial 0x11D, a byte at a time, for making tables. Not ISA-L's gf_mul and
 * gf_invert_matrix: Node's executable exports a gf_mul of its own (OpenSSL's, with another signature), and inside a media
 * process the dynamic linker takes that one, also for ISA-L's own calls.
 *
 * Threads: any thread, any number at once, after gf_field_init().
 */
#pragma once

#include <stdint.h>

/* Powers of 2: gf_exp[gf_log[a] + gf_log[b]] is a * b for a, b > 0; gf_log[0] is 0. */
extern uint8_t gf_exp[2 * 255];
extern uint8_t gf_log[256];

/* Fills the tables, the first time. */
void gf_field_init (void);

uint8_t gf_multiply (uint8_t a, uint8_t b);
/* 0 has no inverse and gives 0. */
uint8_t gf_invert (uint8_t a);

/* Multiplying by `factor` as the 8 by 8 bit matrix of GFNI's gf2p8affineqb. Needs no gf_field_init(). */
uint64_t gf_bit_matrix (uint8_t factor);
