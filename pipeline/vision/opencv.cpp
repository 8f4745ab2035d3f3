#include "opencv.h"

#include <malloc.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>

struct facegate_net {
    cv::dnn::Net net;
    std::vector<std::string> names;
    std::vector<cv::Mat> planes; // the channels of the picture
    cv::Mat input;
    std::vector<cv::Mat> outputs;
};

// Runs f. An exception that reached Go would end the process.
template <typename F> static int guard(char *err, size_t err_size, F f) {
    try {
        f();
        return 0;
    } catch (const std::exception &e) {
        std::snprintf(err, err_size, "%s", e.what());
    } catch (...) {
        std::snprintf(err, err_size, "unknown C++ exception");
    }
    return 1;
}

// Only once, since the number must not change while another network computes.
extern "C" int facegate_threads(int threads) {
    static const bool set = [threads] {
        // A frame is looked at by whichever thread Go takes. Each would keep an arena of its own for what a frame needs.
        mallopt(M_ARENA_MAX, 1);
        if (cv::getNumThreads() != threads) cv::setNumThreads(threads);
        return true;
    }();
    (void)set;
    return cv::getNumThreads();
}

extern "C" facegate_net *facegate_net_open(const void *onnx, size_t size, const char **outputs, int n_outputs,
                                           char *err, size_t err_size) {
    std::unique_ptr<facegate_net> net;
    const int failed = guard(err, err_size, [&] {
        net.reset(new facegate_net);
        net->net = cv::dnn::readNetFromONNX(static_cast<const char *>(onnx), size);
        net->names.assign(outputs, outputs + n_outputs);
        if (n_outputs > 0) return;
        net->names = net->net.getUnconnectedOutLayersNames();
        if (net->names.size() != 1) CV_Error(cv::Error::StsError, "the network has more than one output or none");
    });
    return failed ? nullptr : net.release();
}

extern "C" int facegate_net_input(facegate_net *net, const void *picture, const double *mean,
                                  const double *scale, int rgb, char *err, size_t err_size) {
    return guard(err, err_size, [&] {
        // What cv::dnn::blobFromImage does, but in memory that stays and can be overwritten.
        const cv::Mat &in = *static_cast<const cv::Mat *>(picture);
        const int channels = in.channels();
        net->input.create(std::vector<int>{1, channels, in.rows, in.cols}, CV_32F);
        cv::split(in, net->planes);
        for (int c = 0; c < channels; c++) {
            const int to = rgb ? channels - 1 - c : c;
            cv::Mat numbers(in.rows, in.cols, CV_32F, net->input.ptr<float>(0, to));
            net->planes[c].convertTo(numbers, CV_32F, scale[to], -mean[to] * scale[to]);
        }
    });
}

extern "C" int facegate_net_forward(facegate_net *net, char *err, size_t err_size) {
    return guard(err, err_size, [&] {
        net->net.setInput(net->input);
        net->net.forward(net->outputs, net->names);
        if (net->outputs.size() != net->names.size()) CV_Error(cv::Error::StsError, "an output is missing");
        for (const cv::Mat &m : net->outputs) {
            if (m.type() != CV_32F || !m.isContinuous()) CV_Error(cv::Error::StsError, "output is not plain float32");
        }
    });
}

extern "C" float *facegate_net_output(facegate_net *net, int i, size_t *count) {
    cv::Mat &m = net->outputs[i];
    *count = m.total();
    return m.ptr<float>();
}

extern "C" void facegate_net_clear(facegate_net *net) {
    char ignored[1]; // an input that could be set once can be set again
    guard(ignored, sizeof ignored, [&] {
        if (net->input.empty()) return;
        for (cv::Mat &m : net->planes) m = cv::Scalar::all(0);
        net->input = cv::Scalar::all(0);
        net->net.setInput(net->input); // of which the network holds a copy
        for (cv::Mat &m : net->outputs) m = cv::Scalar::all(0);
    });
}

extern "C" void facegate_net_close(facegate_net *net) {
    facegate_net_clear(net);
    char ignored[1];
    if (!net->outputs.empty()) facegate_net_forward(net, ignored, sizeof ignored);
    delete net;
}
