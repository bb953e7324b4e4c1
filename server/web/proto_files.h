/* SPDX-License-Identifier: MIT */
/* proto_files.h -- the .proto files that decree was made of, as a client may ask for them: by name, or
 * by what they declare.
 *
 *     FileDescriptorSet    1 file
 *     file                 1 name, 2 package, 3 import, 4 message, 5 enum, 6 service, 7 extension
 *     message              1 name, 2 field, 3 message, 4 enum, 6 extension, 8 oneof
 *     enum                 1 name, 2 value      (a value is declared beside its enum, not in it)
 *     service              1 name, 2 method
 *     method               1 name, 5 whether the client streams, 6 whether the server does
 *
 * These are the fields of google/protobuf/descriptor.proto that are looked at. A file is known by its
 * place in the set, from 0.
 */
#ifndef DECREE_SERVER_PROTO_FILES_H
#define DECREE_SERVER_PROTO_FILES_H

#include "protobuf_wire.h"

#define PROTO_FILES_MAX 64u /* so a set of files is a number of 64 bits */

/* The file itself, a FileDescriptorProto; false past the last. */
bool proto_file(unsigned index, struct kv_bytes *ret_file);

/* The files of this name, or that declare the symbol, such as "package.Service.Method"; negative:
 * none. */
int proto_file_named(const char *name);
int proto_file_declaring(const char *symbol);

/* Whether the symbol is a message. */
bool proto_is_message(const char *symbol);

/* How many messages a method takes and gives. */
enum proto_method { PROTO_UNARY = 1, PROTO_CLIENT_STREAM, PROTO_SERVER_STREAM, PROTO_BIDI_STREAM };

/* Of the method "/package.Service/Method"; UNARY if there is none. */
enum proto_method proto_method_of(const char *path);

/* All that the file imports, itself and what these import included, as bits. */
uint64_t proto_file_imports(unsigned index);

#endif
