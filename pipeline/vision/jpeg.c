#include "jpeg.h"

#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

// What is known of the picture while it is decoded.
struct state {
    jmp_buf failed;
    int damaged;                   // libjpeg has made up a part of it
    char message[JMSG_LENGTH_MAX]; // which says so
};

// libjpeg ends the process on an error, unless told to jump.
static void jump(j_common_ptr info) { longjmp(((struct state *)info->client_data)->failed, 1); }

// libjpeg warns on standard error, and then makes up what is missing. Many cameras give it reason to warn with every frame
// that is whole: odd versions, odd parameters, bytes too many before a marker. Those are no damage.
static void note(j_common_ptr info, int level) {
    struct state *s = info->client_data;
    if (level >= 0) return; // it only tells what it does
    switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_ICC:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
        return;
    }
    if (!s->damaged) info->err->format_message(info, s->message);
    s->damaged = 1;
}

int facegate_decode_jpeg(const unsigned char *jpeg, size_t size, unsigned char *bgr, unsigned width, unsigned height,
                         char *err, size_t err_size) {
    struct jpeg_decompress_struct info = {0};
    struct jpeg_error_mgr errors;
    struct state state = {0};
    info.err = jpeg_std_error(&errors);
    errors.error_exit = jump;
    errors.emit_message = note;
    info.client_data = &state;
    if (setjmp(state.failed)) {
        errors.format_message((j_common_ptr)&info, state.message);
        snprintf(err, err_size, "%s", state.message);
        jpeg_destroy_decompress(&info);
        return facegate_jpeg_refused;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, jpeg, size);
    jpeg_read_header(&info, TRUE);
    if (info.image_width != width || info.image_height != height) {
        jpeg_destroy_decompress(&info);
        snprintf(err, err_size, "its size is %ux%u", info.image_width, info.image_height);
        return facegate_jpeg_refused;
    }
    info.out_color_space = JCS_EXT_BGR;
    jpeg_start_decompress(&info);
    while (info.output_scanline < height) {
        JSAMPROW row = bgr + (size_t)3 * width * info.output_scanline;
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    if (!state.damaged) return 0;
    snprintf(err, err_size, "%s", state.message);
    return facegate_jpeg_damaged;
}
