/* SPDX-License-Identifier: MIT */
/* descriptor_set.h -- all .proto files of this folder as protoc describes them: a
 * google.protobuf.FileDescriptorSet, made when decree is built. */
#ifndef DECREE_PROTO_DESCRIPTOR_SET_H
#define DECREE_PROTO_DESCRIPTOR_SET_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t descriptor_set[];
extern const size_t descriptor_set_size;

#endif
