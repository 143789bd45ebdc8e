// A dynamic C++ program that prints a line: what `zonectl --version` is held against.
#include <iostream>

int main() {
    std::cout << "bare\n";
}
