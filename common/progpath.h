/*
 * Where the sister programs are: beside the running binary, never in PATH.
 *
 * PREFIX/bin/waypost finds PREFIX/sbin/waypost-delivery; in a build tree all programs are in
 * one folder.
 */
#ifndef WP_COMMON_PROGPATH_H
#define WP_COMMON_PROGPATH_H

#include <limits.h>

#include "common/err.h"

/* The path of PROGRAM, executable. ERR_NOT_FOUND names the places that were tried. */
int progpath_find(const char *program, char path_r[static PATH_MAX], struct err *e)
	WP_MUST_CHECK;

#endif
