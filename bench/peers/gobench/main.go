// gobench: the Go peer of coro-bench.
//
//	gobench CASE SIZE OPERATIONS
//
// takes one sample and prints what sample.h says: how many there are, the operations done, and the value. With 0 operations it
// finds out how many fill a sample of SAMPLE_NS nanoseconds (from the environment).
package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// To resume is to send on `in` and to receive from `out`; to yield is the other way round.
type coroutine struct{ in, out chan struct{} }

func (c *coroutine) yieldAlways() {
	for {
		<-c.in
		c.out <- struct{}{}
	}
}

func (c *coroutine) resume() {
	c.in <- struct{}{}
	<-c.out
}

//go:noinline
func (c *coroutine) helpedYield() {
	c.out <- struct{}{}
	<-c.in
}

func (c *coroutine) helpedYieldAlways() {
	<-c.in
	for {
		c.helpedYield()
	}
}

//go:noinline
func (c *coroutine) helpedResume() {
	c.in <- struct{}{}
	<-c.out
}

func make1(body func(*coroutine)) *coroutine {
	c := &coroutine{make(chan struct{}), make(chan struct{})}
	go body(c)
	return c
}

func makeAll(size uint64) []*coroutine {
	all := make([]*coroutine, size)
	for i := range all {
		all[i] = make1((*coroutine).yieldAlways)
	}
	return all
}

// What peers/stages.h says, once more.
const (
	stageItems   = 1000
	pipelineSum  = 3251716437108001
	generatorSum = 2181611128005
)

func stageSource() []uint64 {
	items := make([]uint64, stageItems)
	x := uint64(1)
	for i := range items {
		x = x*6364136223846793005 + 1442695040888963407
		items[i] = x >> 32
	}
	return items
}

// A generator: a goroutine whose yields come out of an unbuffered channel, which it closes when it returns.
func generate(items []uint64) <-chan uint64 {
	out := make(chan uint64)
	go func() {
		for _, x := range items {
			out <- x
		}
		close(out)
	}()
	return out
}

func mapEach(in <-chan uint64, f func(uint64) uint64) <-chan uint64 {
	out := make(chan uint64)
	go func() {
		for x := range in {
			out <- f(x)
		}
		close(out)
	}()
	return out
}

func pipeline(items []uint64) <-chan uint64 {
	soFar := uint64(0)
	tripled := mapEach(generate(items), func(x uint64) uint64 { return x*3 + 1 })
	mixed := mapEach(tripled, func(x uint64) uint64 { return x ^ x>>7 })
	return mapEach(mixed, func(x uint64) uint64 {
		soFar += x
		return soFar
	})
}

// Passes over the items, each checked by its sum.
func passes(begin func([]uint64) <-chan uint64, expected uint64) func(uint64) {
	items := stageSource()
	return func(operations uint64) {
		for ; operations >= stageItems; operations -= stageItems {
			sum := uint64(0)
			for x := range begin(items) {
				sum += x
			}
			if sum != expected {
				fail("the sum is wrong")
			}
		}
	}
}

// What peers/tasks.h says, once more.
const (
	skynetLeaves   = 1000000
	skynetChildren = 10
	skynetSum      = 499999500000
	chanBuffer     = 128
	sievePrimes    = 2000
	sieveLast      = 17389
)

func skynet(out chan<- uint64, first, leaves uint64) {
	if leaves == 1 {
		out <- first
		return
	}
	in := make(chan uint64)
	leaves /= skynetChildren
	for i := uint64(0); i < skynetChildren; i++ {
		go skynet(in, first+i*leaves, leaves)
	}
	sum := uint64(0)
	for i := 0; i < skynetChildren; i++ {
		sum += <-in
	}
	out <- sum
}

func sleepOnce(ns uint64, all *sync.WaitGroup) {
	time.Sleep(time.Duration(ns))
	all.Done()
}

func sleepAll(size uint64) {
	var all sync.WaitGroup
	all.Add(int(size))
	x := uint64(1)
	for i := uint64(0); i < size; i++ {
		x = x*6364136223846793005 + 1442695040888963407
		go sleepOnce((1000+(x>>33)%99001)*1000, &all)
	}
	all.Wait()
}

// Messages over a channel, each sum of which is checked.
func messages(channel chan uint64) func(uint64) {
	go func() {
		for x := uint64(0); ; x++ {
			channel <- x
		}
	}()
	received := uint64(0)
	return func(operations uint64) {
		sum := uint64(0)
		for i := uint64(0); i < operations; i++ {
			sum += <-channel
		}
		if sum != operations*received+operations*(operations-1)/2 {
			fail("the sum is wrong")
		}
		received += operations
	}
}

func sendTo(c chan<- uint64) {
	for {
		c <- 1
	}
}

func select2(c []chan uint64, operations uint64) {
	for sum, x := uint64(0), uint64(0); sum < operations; sum += x {
		select {
		case x = <-c[0]:
		case x = <-c[1]:
		}
	}
}

func select16(c []chan uint64, operations uint64) {
	for sum, x := uint64(0), uint64(0); sum < operations; sum += x {
		select {
		case x = <-c[0]:
		case x = <-c[1]:
		case x = <-c[2]:
		case x = <-c[3]:
		case x = <-c[4]:
		case x = <-c[5]:
		case x = <-c[6]:
		case x = <-c[7]:
		case x = <-c[8]:
		case x = <-c[9]:
		case x = <-c[10]:
		case x = <-c[11]:
		case x = <-c[12]:
		case x = <-c[13]:
		case x = <-c[14]:
		case x = <-c[15]:
		}
	}
}

var (
	mutex     sync.Mutex
	contended bool
	locks     uint64
)

func lockAndUnlock() {
	mutex.Lock()
	locks++
	if contended {
		runtime.Gosched()
	}
	mutex.Unlock()
}

func lockAlways() {
	for {
		lockAndUnlock()
	}
}

func sendNumbers(out chan<- uint64) {
	for x := uint64(2); x <= sieveLast; x++ {
		out <- x
	}
	close(out)
}

func passOn(in <-chan uint64, out chan<- uint64, prime uint64) {
	for x := range in {
		if x%prime != 0 {
			out <- x
		}
	}
	close(out)
}

func sieve() {
	primes, last := 0, uint64(0)
	ch := make(chan uint64)
	go sendNumbers(ch)
	for x, ok := <-ch; ok; x, ok = <-ch {
		primes, last = primes+1, x
		next := make(chan uint64)
		go passOn(ch, next, x)
		ch = next
	}
	if primes != sievePrimes || last != sieveLast {
		fail("the sum is wrong")
	}
}

var yields uint64

//go:noinline
func yieldInnermost() { runtime.Gosched() }

//go:noinline
func yieldInner() { yieldInnermost() }

//go:noinline
func yieldWithin() { yieldInner() }

//go:noinline
func spawnInnermost(done chan struct{}) {
	go func() { done <- struct{}{} }()
	<-done
}

//go:noinline
func spawnInner(done chan struct{}) { spawnInnermost(done) }

//go:noinline
func spawnWithin(done chan struct{}) { spawnInner(done) }

func yieldWithinAlways() {
	for {
		yields++
		yieldWithin()
	}
}

func yieldAlways() {
	for {
		yields++
		runtime.Gosched()
	}
}

// Returns the function that does so many operations.
func setup(name string, size uint64) func(uint64) {
	switch name {
	case "switch":
		c := make1((*coroutine).yieldAlways)
		return func(operations uint64) {
			for ; operations > 0; operations-- {
				c.resume()
			}
		}
	case "switch-helper":
		c := make1((*coroutine).helpedYieldAlways)
		return func(operations uint64) {
			for ; operations > 0; operations-- {
				c.helpedResume()
			}
		}
	case "robin", "memory":
		all := makeAll(size)
		return func(operations uint64) {
			for i := 0; operations > 0; operations-- {
				all[i].resume()
				if i++; i == len(all) {
					i = 0
				}
			}
		}
	case "create":
		done := make(chan struct{})
		return func(operations uint64) {
			for ; operations > 0; operations-- {
				go func() { done <- struct{}{} }()
				<-done
			}
		}
	case "sched-yield":
		for i := uint64(1); i < size; i++ {
			go yieldAlways()
		}
		return func(operations uint64) {
			for end := yields + operations; yields < end; yields++ {
				runtime.Gosched()
			}
		}
	case "sched-yield-calls":
		for i := uint64(1); i < size; i++ {
			go yieldWithinAlways()
		}
		return func(operations uint64) {
			for end := yields + operations; yields < end; yields++ {
				yieldWithin()
			}
		}
	case "spawn-join":
		if size == 1 {
			return setup("create", size)
		}
		return func(operations uint64) {
			for ; operations >= size; operations -= size {
				var batch sync.WaitGroup
				batch.Add(int(size))
				for i := uint64(0); i < size; i++ {
					go batch.Done()
				}
				batch.Wait()
			}
		}
	case "spawn-join-calls":
		done := make(chan struct{})
		return func(operations uint64) {
			for ; operations > 0; operations-- {
				spawnWithin(done)
			}
		}
	case "skynet":
		return func(operations uint64) {
			for ; operations >= skynetLeaves; operations -= skynetLeaves {
				out := make(chan uint64)
				go skynet(out, 0, skynetLeaves)
				if <-out != skynetSum {
					fail("the sum is wrong")
				}
			}
		}
	case "chan-rendezvous":
		return messages(make(chan uint64))
	case "chan-buffered":
		return messages(make(chan uint64, chanBuffer))
	case "select":
		c := make([]chan uint64, size)
		for i := range c {
			c[i] = make(chan uint64)
			go sendTo(c[i])
		}
		if size == 2 {
			return func(operations uint64) { select2(c, operations) }
		}
		return func(operations uint64) { select16(c, operations) }
	case "mutex":
		contended = size > 1
		for i := uint64(1); i < size; i++ {
			go lockAlways()
		}
		return func(operations uint64) {
			for end := locks + operations; locks < end; {
				lockAndUnlock()
			}
		}
	case "sieve":
		return func(operations uint64) {
			for ; operations >= sievePrimes; operations -= sievePrimes {
				sieve()
			}
		}
	case "sleepers":
		return func(operations uint64) {
			for ; operations >= size; operations -= size {
				sleepAll(size)
			}
		}
	case "generator":
		return passes(generate, generatorSum)
	case "pipeline":
		return passes(pipeline, pipelineSum)
	}
	fail("no such case: " + name)
	return nil
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "gobench:", why)
	os.Exit(1)
}

// A figure in KiB of a file of /proc.
func kib(path, field string) float64 {
	file, err := os.Open(path)
	if err != nil {
		fail(err.Error())
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) > 1 && words[0] == field {
			n, _ := strconv.ParseFloat(words[1], 64)
			return n
		}
	}
	return 0
}

func resident() float64 {
	return kib("/proc/self/smaps_rollup", "Rss:") + kib("/proc/self/status", "VmPTE:")
}

// The time since some moment: as it passes, or as the process has had of the processor.
func clock() time.Duration {
	if !ofProcessor {
		return time.Since(begun)
	}
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func timed(run func(uint64), operations uint64) time.Duration {
	begin := clock()
	run(operations)
	return clock() - begin
}

var (
	begun       = time.Now()
	ofProcessor bool
)

// As many operations as fill a sample, in whole turns of `size`.
func calibrate(run func(uint64), size uint64) uint64 {
	sample, err := strconv.ParseInt(os.Getenv("SAMPLE_NS"), 10, 64)
	if err != nil {
		fail("SAMPLE_NS is not set")
	}
	operations := size
	took := timed(run, operations)
	for took < time.Duration(sample/8) {
		operations *= 2
		took = timed(run, operations)
	}
	turns := uint64(float64(operations) * float64(sample) / float64(took) / float64(size))
	if turns == 0 {
		turns = 1
	}
	return turns * size
}

func main() {
	if len(os.Args) != 4 {
		fail("usage: gobench CASE SIZE OPERATIONS")
	}
	name := os.Args[1]
	size, err1 := strconv.ParseUint(os.Args[2], 10, 64)
	operations, err2 := strconv.ParseUint(os.Args[3], 10, 64)
	if err1 != nil || err2 != nil || size == 0 {
		fail("not a number")
	}
	runtime.GOMAXPROCS(1)
	if name == "memory" {
		before := resident()
		setup(name, size)(size)
		fmt.Println(size, size, (resident()-before)/float64(size))
		return
	}
	ofProcessor = name == "sleepers"
	run := setup(name, size)
	if operations == 0 {
		fmt.Println(size, calibrate(run, size), 0)
		return
	}
	warm := operations / 8
	if warm < size {
		warm = size
	}
	took := timed(run, warm)
	stretch := uint64(50000*float64(warm)/float64(took.Nanoseconds())/float64(size)) * size
	if stretch == 0 {
		stretch = size
	}
	least := math.Inf(1) // ns an operation in the fastest stretch
	for left := operations; left >= stretch; left -= stretch {
		least = math.Min(least, float64(timed(run, stretch).Nanoseconds())/float64(stretch))
	}
	if name == "skynet" || name == "sleepers" || name == "sieve" {
		least *= float64(size) / 1e6 // ms for all
	}
	fmt.Println(size, operations, least)
}
