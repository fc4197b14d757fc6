# WP_C11: the C11 language with the compiler's GNU extensions left on for system headers.
AC_DEFUN([WP_C11], [
	AC_MSG_CHECKING([for C11])
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdatomic.h>
		_Static_assert(sizeof(char) == 1, "c11");]], [[atomic_int n; atomic_init(&n, 0);]])],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_ERROR([a C11 compiler is needed (gcc 12 or clang 14)])])
])

# WP_WARN_FLAG(FLAG): adds FLAG to WARN_CFLAGS when the compiler knows it.
AC_DEFUN([WP_WARN_FLAG], [
	AC_MSG_CHECKING([whether $CC knows $1])
	wp_saved_cflags=$CFLAGS
	CFLAGS="$CFLAGS -Werror $1"
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int wp_probe(void); int wp_probe(void) { return 0; }]])],
		[AC_MSG_RESULT([yes]); WARN_CFLAGS="$WARN_CFLAGS $1"],
		[AC_MSG_RESULT([no])])
	CFLAGS=$wp_saved_cflags
])

# WP_WARNINGS: the warnings of the house; errors only with --enable-werror.
AC_DEFUN([WP_WARNINGS], [
	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors (continuous integration)])])
	WARN_CFLAGS=
	m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
		-Wformat=2 -Wvla -Wwrite-strings -Wpointer-arith -Wundef -Wold-style-definition
		-Wimplicit-fallthrough=3 -fno-common],
		[WP_WARN_FLAG(flag)])
	AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
	AC_SUBST([WARN_CFLAGS])
])

# WP_SANITIZERS: --enable-asan (with UBSan) and --enable-tsan.
AC_DEFUN([WP_SANITIZERS], [
	AC_ARG_ENABLE([asan], [AS_HELP_STRING([--enable-asan], [build with AddressSanitizer and UBSan])])
	AC_ARG_ENABLE([tsan], [AS_HELP_STRING([--enable-tsan], [build with ThreadSanitizer])])
	SAN_CFLAGS=
	AS_IF([test "x$enable_asan" = xyes && test "x$enable_tsan" = xyes],
		[AC_MSG_ERROR([--enable-asan and --enable-tsan cannot be combined])])
	AS_IF([test "x$enable_asan" = xyes],
		[SAN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"])
	AS_IF([test "x$enable_tsan" = xyes],
		[SAN_CFLAGS="-fsanitize=thread -fno-omit-frame-pointer"])
	AS_IF([test -n "$SAN_CFLAGS"],
		[AC_DEFINE([WP_SANITIZED], [1], [a sanitizer is built in: maps and thread stacks stay small])])
	AM_CONDITIONAL([SANITIZED], [test -n "$SAN_CFLAGS"])
	AC_SUBST([SAN_CFLAGS])
])
