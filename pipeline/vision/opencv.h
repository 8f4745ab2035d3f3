#ifndef FACEGATE_VISION_OPENCV_H
#define FACEGATE_VISION_OPENCV_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// Networks, behind a barrier to C++ exceptions. Every function that can fail writes a message to err (err_size bytes,
// NUL-terminated) and says so by its result: 1, or NULL. A picture is a cv::Mat.

// Has OpenCV compute with so many threads, which share the memory that they are given, the first time that it is called, and
// returns how many it computes with.
int facegate_threads(int threads);

// A network with its input and the outputs of its last forward pass.
typedef struct facegate_net facegate_net;

// Reads an ONNX network. outputs names the output layers to compute, in the order in which facegate_net_output counts
// them; none means the only one that the network has.
facegate_net *facegate_net_open(const void *onnx, size_t size, const char **outputs, int n_outputs, char *err,
                                size_t err_size);

// Takes picture as the input: NCHW float32 of (value - mean) * scale, the channels reversed if rgb. There are a mean and a
// scale for each channel of the input.
int facegate_net_input(facegate_net *net, const void *picture, const double *mean, const double *scale, int rgb,
                       char *err, size_t err_size);

// Runs the network on its input.
int facegate_net_forward(facegate_net *net, char *err, size_t err_size);

// Returns output i of the last successful pass and sets count to how many numbers it has. It is valid until the next.
float *facegate_net_output(facegate_net *net, int i, size_t *count);

// Overwrites the input and the outputs.
void facegate_net_clear(facegate_net *net);

// Overwrites what the last pass left between the layers, too, by a pass on zeros, and frees the network.
void facegate_net_close(facegate_net *net);

#ifdef __cplusplus
}
#endif

#endif
