#ifndef FACEGATE_VISION_NET_H
#define FACEGATE_VISION_NET_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// A network and the outputs of its last forward pass. Every function that can throw catches what it throws, writes
// the message to err (err_size bytes, NUL-terminated) and reports failure by its result.
typedef struct facegate_net facegate_net;

// Reads an ONNX network from memory. outputs names the output layers to compute, in the order in which
// facegate_net_output counts them; none means the network's only output. Returns NULL on failure.
facegate_net *facegate_net_open(const void *onnx, size_t size, const char **outputs, int n_outputs, char *err,
                                size_t err_size);

// Runs the network on blob (a cv::Mat). Returns 0 on success.
int facegate_net_forward(facegate_net *net, const void *blob, char *err, size_t err_size);

// Gives output i of the last pass: *data points to *count floats, valid until the next pass.
void facegate_net_output(const facegate_net *net, int i, const float **data, size_t *count);

void facegate_net_close(facegate_net *net);

#ifdef __cplusplus
}
#endif

#endif
