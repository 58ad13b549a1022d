/* What the snippets of docs/guide/cxx.md take for granted. */
#include <iostream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

struct tree {
    tree *left, *right;
    int value;
};
struct job {
    explicit job(int number);
};

extern tree *root;
extern int fd, balance;
extern char buffer[100];
extern std::string text, images;
extern std::vector<std::string> names;
extern coro::mutex mutex;
extern coro::channel<std::unique_ptr<job>> jobs;

extern std::string load(const std::string &name);
extern coro::generator<int> count(int to);
extern void work_on(job &todo), work(), put_right(), say_goodbye(), write_down(int balance);
