#ifndef FACEGATE_VISION_JPEG_H
#define FACEGATE_VISION_JPEG_H

#include <stddef.h>

// Decodes a JPEG of width by height pixels to 8-bit blue, green and red, rows without gaps. Returns 0, or 1 with a
// message in err (err_size bytes, NUL-terminated). What of the picture is damaged comes out grey.
int facegate_decode_jpeg(const unsigned char *jpeg, size_t size, unsigned char *bgr, unsigned width, unsigned height,
                         char *err, size_t err_size);

#endif
