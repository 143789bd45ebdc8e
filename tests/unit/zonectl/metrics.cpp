#include "zonectl/metrics.hpp"

#include "support/catch.hpp"
#include "zonectl/metrics_http.hpp"

using namespace zoned::ctl;

TEST_CASE("labels are escaped as OpenMetrics wants it", "[metrics]") {
    CHECK(escapeLabel("web") == "web");
    CHECK(escapeLabel("a\"b\\c\nd") == "a\\\"b\\\\c\\nd");
}

TEST_CASE("metrics without any zone are the service's and the host's", "[metrics]") {
    CHECK(openMetrics("1.0", {}, {}) ==
          "# TYPE zoned info\n# HELP zoned The zone manager.\nzoned_info{version=\"1.0\"} 1\n# EOF\n");
}

TEST_CASE("a family's lines stand together, with its type, unit and help before them", "[metrics]") {
    const Sample sample{{{"memory", 7}, {"cpu-user", 1'000'001}},
                        {{"a", "running", {{"memory", 1}, {"io-some-time", 20}}}, {"b", "running", {{"memory", 2}}}}};
    const std::string text = openMetrics("1.0", {}, sample);
    CHECK(text.find("# TYPE zoned_zone_memory_bytes gauge\n# UNIT zoned_zone_memory_bytes bytes\n"
                    "# HELP zoned_zone_memory_bytes Memory in use.\nzoned_zone_memory_bytes{zone=\"a\"} 1\n"
                    "zoned_zone_memory_bytes{zone=\"b\"} 2\n") != std::string::npos);
    CHECK(text.find("zoned_host_memory_bytes 7\n") != std::string::npos);
    CHECK(text.find("zoned_host_cpu_seconds_total{mode=\"user\"} 1.000001\n") != std::string::npos);
    CHECK(
        text.find("zoned_zone_pressure_waiting_seconds_total{zone=\"a\",resource=\"io\",tasks=\"some\"} 0.000020\n") !=
        std::string::npos);
    CHECK(text.find("swap") == std::string::npos);
    CHECK(text.ends_with("\n# EOF\n"));
}

TEST_CASE("metrics are made for who asks for them only", "[metrics]") {
    int made = 0;
    const auto ask = [&](const char* request) {
        return answerTo(request, [&made] {
            ++made;
            return std::string("text");
        });
    };
    CHECK(ask("GET /metrics HTTP/1.1\r\n\r\n").body == "text");
    CHECK(httpText(ask("HEAD /metrics HTTP/1.0\r\n\r\n")).ends_with("Content-Length: 4\r\nConnection: close\r\n\r\n"));
    CHECK(made == 2);
    CHECK(ask("GET /metricsx HTTP/1.1\r\n\r\n").status == 404);
    CHECK(ask("GET http://a/metrics HTTP/1.1\r\n\r\n").status == 400);
    CHECK(ask("DELETE /metrics HTTP/1.1\r\n\r\n").status == 405);
    CHECK(ask("GET /metrics\r\n\r\n").status == 400);
    CHECK(ask("\r\n\r\n").status == 400);
    CHECK(made == 2);
}
