#include "jpeg.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

// libjpeg ends the process on an error, unless told to jump.
static void jump(j_common_ptr info) { longjmp(*(jmp_buf *)info->client_data, 1); }

// libjpeg warns on standard error. Many cameras give it reason to, with every frame.
static void keep_quiet(j_common_ptr info, int level) {
    (void)info;
    (void)level;
}

int facegate_decode_jpeg(const unsigned char *jpeg, size_t size, unsigned char *bgr, unsigned width, unsigned height,
                         char *err, size_t err_size) {
    struct jpeg_decompress_struct info = {0};
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    info.err = jpeg_std_error(&errors);
    errors.error_exit = jump;
    errors.emit_message = keep_quiet;
    info.client_data = &failed;
    if (setjmp(failed)) {
        char message[JMSG_LENGTH_MAX];
        errors.format_message((j_common_ptr)&info, message);
        snprintf(err, err_size, "%s", message);
        jpeg_destroy_decompress(&info);
        return 1;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, jpeg, size);
    jpeg_read_header(&info, TRUE);
    if (info.image_width != width || info.image_height != height) {
        jpeg_destroy_decompress(&info);
        snprintf(err, err_size, "its size is %ux%u", info.image_width, info.image_height);
        return 1;
    }
    info.out_color_space = JCS_EXT_BGR;
    jpeg_start_decompress(&info);
    while (info.output_scanline < height) {
        JSAMPROW row = bgr + (size_t)3 * width * info.output_scanline;
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return 0;
}
