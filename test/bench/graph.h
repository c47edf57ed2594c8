/*
 * graph.h: gives elements pre-encoded access units without an element in front of them: a source pad of our own,
 * pushed from the caller's thread.
 */
#pragma once

#include <gst/gst.h>

#include "workload.h"

/* Different access units of a ring, at most. */
#define GRAPH_UNITS_MAX 8

typedef struct
{
  GstElement *pipeline;
  GstPad *src;
  GstBuffer *units[GRAPH_UNITS_MAX]; /* made at the first turn of each */
  const uint8_t *unit_bytes[GRAPH_UNITS_MAX];
} Graph;

/* Plays `elements` (a chain in gst-launch syntax) behind `src`; ends the program with a message when they cannot. */
Graph graph_play (const char *elements, const Workload *workload);

/* An element of the graph by name (transfer full). */
GstElement *graph_element (const Graph *graph, const char *name);

/* The unit, which must outlive the graph, as a stamped buffer (transfer full). A unit keeps its buffer: what the source
 * hands over is ready, for elements as for those that get a pointer. Nobody may hold it when its turn comes again. */
GstBuffer *graph_unit (Graph *graph, const AccessUnit *unit, const Workload *workload, uint64_t number);

/* Ends the stream, waits for the end to come out, frees everything. */
void graph_end (Graph *graph);
