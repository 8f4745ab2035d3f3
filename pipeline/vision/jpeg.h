#ifndef FACEGATE_VISION_JPEG_H
#define FACEGATE_VISION_JPEG_H

#include <stddef.h>

// What facegate_decode_jpeg returns, besides 0.
enum {
    facegate_jpeg_refused = 1, // there is no picture
    facegate_jpeg_damaged = 2, // there is one, and a part of it is made up
};

// Decodes a JPEG of width by height pixels to 8-bit blue, green and red, rows without gaps. What is wrong with it is a
// message in err (err_size bytes, NUL-terminated).
int facegate_decode_jpeg(const unsigned char *jpeg, size_t size, unsigned char *bgr, unsigned width, unsigned height,
                         char *err, size_t err_size);

#endif
