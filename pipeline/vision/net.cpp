#include "net.h"

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>

struct facegate_net {
    cv::dnn::Net net;
    std::vector<std::string> names;
    std::vector<cv::Mat> outputs;
};

static void report(char *err, size_t err_size, const char *what) { std::snprintf(err, err_size, "%s", what); }

extern "C" facegate_net *facegate_net_open(const void *onnx, size_t size, const char **outputs, int n_outputs,
                                           char *err, size_t err_size) {
    facegate_net *net = nullptr;
    try {
        net = new facegate_net;
        net->net = cv::dnn::readNetFromONNX(static_cast<const char *>(onnx), size);
        if (net->net.empty()) CV_Error(cv::Error::StsError, "the network has no layers");
        if (n_outputs > 0) {
            net->names.assign(outputs, outputs + n_outputs);
        } else {
            net->names = net->net.getUnconnectedOutLayersNames();
        }
        return net;
    } catch (const std::exception &e) {
        report(err, err_size, e.what());
    } catch (...) {
        report(err, err_size, "unknown C++ exception");
    }
    delete net;
    return nullptr;
}

extern "C" int facegate_net_forward(facegate_net *net, const void *blob, char *err, size_t err_size) {
    try {
        net->net.setInput(*static_cast<const cv::Mat *>(blob));
        net->net.forward(net->outputs, net->names);
        for (const cv::Mat &m : net->outputs) {
            if (m.type() != CV_32F || !m.isContinuous()) CV_Error(cv::Error::StsError, "output is not plain float32");
        }
        return 0;
    } catch (const std::exception &e) {
        report(err, err_size, e.what());
    } catch (...) {
        report(err, err_size, "unknown C++ exception");
    }
    return 1;
}

extern "C" void facegate_net_output(const facegate_net *net, int i, const float **data, size_t *count) {
    const cv::Mat &m = net->outputs[i];
    *data = m.ptr<float>();
    *count = m.total();
}

extern "C" void facegate_net_close(facegate_net *net) { delete net; }
