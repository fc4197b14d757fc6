/*
 * What the objects of a directory are called: the host file's key `profile`. Pure.
 */
#ifndef WP_COMMON_HOST_PROFILE_H
#define WP_COMMON_HOST_PROFILE_H

enum host_profile { HOST_PROFILE_WAYPOST, HOST_PROFILE_AD, HOST_PROFILE_EXCHANGE };

#endif
