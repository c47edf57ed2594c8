/*
 * graph.h: gives elements pre-encoded access units without an element in front of them: a source pad of our own,
 * pushed from the caller's thread.
 */
#pragma once

#include <gst/gst.h>

#include "workload.h"

typedef struct
{
  GstElement *pipeline;
  GstPad *src;
} Graph;

/* Plays `elements` (a chain in gst-launch syntax) behind `src`; ends the program with a message when they cannot. */
Graph graph_play (const char *elements, const Workload *workload);

/* An element of the graph by name (transfer full). */
GstElement *graph_element (const Graph *graph, const char *name);

/* Wraps the unit, which must outlive the graph, and stamps it. */
GstBuffer *graph_wrap (const AccessUnit *unit, const Workload *workload, uint64_t number);

/* Ends the stream, waits for the end to come out, frees everything. */
void graph_end (Graph *graph);
