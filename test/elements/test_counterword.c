/*
 * test_counterword.c: frame numbers as 64 cells, and what a row of them says.
 */
#include <gst/check/gstcheck.h>

#include "counterword.h"
#include "numbertally.h"

/* The cells of a number, black and white as given. */
static void
paint (guint64 number, guint32 black, guint32 white, guint32 cells[COUNTER_WORD_BITS])
{
  guint64 word = counter_word_encode (number);

  for (guint i = 0; i < COUNTER_WORD_BITS; i++)
    cells[i] = (word >> (COUNTER_WORD_BITS - 1 - i)) & 1 ? white : black;
}

GST_START_TEST (test_counterword_numbers_come_back)
{
  static const guint64 numbers[] = { 0, 1, 2, 0x5555555555, 0xaaaaaaaaaa, COUNTER_NUMBER_MASK };
  guint64 number;

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    number = 77;
    fail_unless (counter_word_decode (counter_word_encode (numbers[i]), &number));
    fail_unless_equals_uint64 (number, numbers[i]);
  }
  /* only 40 bits are drawn */
  fail_unless (counter_word_decode (counter_word_encode (COUNTER_NUMBER_MASK + 6), &number));
  fail_unless_equals_uint64 (number, 5);
}

GST_END_TEST;

GST_START_TEST (test_counterword_a_wrong_cell_is_noticed_wherever_it_is)
{
  guint64 word = counter_word_encode (123456), number;

  for (guint bit = 0; bit < COUNTER_WORD_BITS; bit++)
    fail_if (counter_word_decode (word ^ (G_GUINT64_CONSTANT (1) << bit), &number), "bit %u", bit);
  fail_if (counter_word_decode (0, &number));
  fail_if (counter_word_decode (G_MAXUINT64, &number));
}

GST_END_TEST;

GST_START_TEST (test_counterword_cells_are_read_in_any_range)
{
  static const guint32 shades[][2] = { { 0, 255 }, { 16, 235 }, { 100, 140 }, { 200, 255 } };
  guint32 cells[COUNTER_WORD_BITS];
  guint64 number;

  for (guint i = 0; i < G_N_ELEMENTS (shades); i++) {
    paint (987654321, shades[i][0], shades[i][1], cells);
    number = 0;
    fail_unless (counter_word_read_cells (cells, &number));
    fail_unless_equals_uint64 (number, 987654321);
  }
  /* too little contrast, none, and the negative */
  paint (5, 100, 131, cells);
  fail_if (counter_word_read_cells (cells, &number));
  paint (5, 0, 0, cells);
  fail_if (counter_word_read_cells (cells, &number));
  paint (5, 255, 0, cells);
  fail_if (counter_word_read_cells (cells, &number));
}

GST_END_TEST;

GST_START_TEST (test_numbertally_gaps_repeats_and_steps_back_are_counted)
{
  static const guint64 row[] = { 10, 11, 11, 11, 14, 12, 13, 20 };
  NumberTally tally = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (row); i++)
    number_tally_add (&tally, row[i]);
  fail_unless_equals_uint64 (tally.first, 10);
  fail_unless_equals_uint64 (tally.last, 20);
  fail_unless_equals_uint64 (tally.repeated, 2);
  fail_unless_equals_uint64 (tally.backwards, 1);
  fail_unless_equals_uint64 (tally.skipped, 2 + 6);
}

GST_END_TEST;

static Suite *
counterword_suite (void)
{
  Suite *s = suite_create ("counterword");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_counterword_numbers_come_back);
  tcase_add_test (tc, test_counterword_a_wrong_cell_is_noticed_wherever_it_is);
  tcase_add_test (tc, test_counterword_cells_are_read_in_any_range);
  tcase_add_test (tc, test_numbertally_gaps_repeats_and_steps_back_are_counted);
  return s;
}

GST_CHECK_MAIN (counterword);
