package io.satchel.vm.cpu.translate;

import io.satchel.vm.cpu.CompiledCode;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.HotCode;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.semantics.Interrupts;
import io.satchel.vm.memory.GuestMemory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The regions of a machine by where they lie and what they assume, and the loop that goes from one
 * to the next. Only the translation itself happens on another thread.
 */
public final class CodeCache implements HotCode {

  /** Instructions of a region; a method that gets too long is tried again with half of them. */
  private static final int MAX_INSTRUCTIONS = 120;

  private static final int MIN_INSTRUCTIONS = 15;

  /** Regions kept: some 20 KB each with what HotSpot makes of them. */
  private static final int MAX_REGIONS = 6000;

  /** Regions waiting for the translator at most; what comes then is asked for again. */
  private static final int MAX_WAITING = 64;

  private static final int LINEAR_SIZE = 1 << 12;

  /** A site that missed so often, each time soon after the last, is one that always does. */
  private static final int TOO_MANY_MISSES = 200;

  /** Instructions: less than it takes to walk through a page. */
  private static final int SOON = 500;

  private final Statistics statistics = new Statistics();

  /** A computed jump that led to one place so often is expected to go on doing so. */
  private static final int STEADY = 10_000;

  /** So often a place may be rewritten before it has to wait for its next translation. */
  private static final int PATIENT_WRITES = 2;

  /** Instructions for which it then waits: what could be interpreted while one is translated. */
  private static final long WAIT = 100_000;

  /** Each further time it waits twice as long, but no longer than so many doublings. */
  private static final int LONGEST_WAIT = 12;

  /** A region that lasted for so many instructions was worth it, whatever was before. */
  private static final long LONG_LIFE = 50_000_000;

  /**
   * Entries by which HotSpot has compiled a region: it asks for 5,000 of a method without loops.
   */
  private static final int WARM_ENTRIES = 10_000;

  /** A region that was seen at work so often has been at work for long, in a loop of its own. */
  private static final int WARM_LOOKS = 40;

  private static final VarHandle RUNNING = runningHandle();

  /** What a processor is executing. */
  public enum Doing {
    INTERPRETING,
    /** A region that HotSpot may not have compiled yet. */
    WARMING,
    TRANSLATED
  }

  private record Key(int hostPage, int offset, int mode, long rip, long csBase, long csLimit) {}

  /** A place whose code was rewritten: how often, and until when it is left to the interpreter. */
  private static final class Rewritten {
    int times;
    long until;
  }

  private final CpuState cpu;
  private final Mmu mmu;
  private final Decoder decoder;
  private final Translator translator;
  private final Executor executor;
  private final int patience;

  /** Its size and what it holds are asked for by other threads. */
  private final Map<Key, Region> regions = new ConcurrentHashMap<>();

  private final @Nullable Region[] byLinear = new @Nullable Region[LINEAR_SIZE];
  private final Map<Integer, List<Region>> byPage = new HashMap<>();

  /** What is not worth a region, and what has to be smaller: the instructions to try next. */
  private final Map<Key, Integer> sizes = new HashMap<>();

  /** Where regions were dropped because their bytes may have changed. */
  private final Map<Key, Rewritten> rewritten = new HashMap<>();

  /** Linear addresses of instructions whose memory operand is no plain memory. */
  private final Set<Long> slowSites = new HashSet<>();

  /** By the linear address of a computed jump, return or call: where it has always led. */
  private final Map<Long, Long> targets = new HashMap<>();

  // The access that missed last, and how many translations had been entered by then.
  private @Nullable Region missed;
  private int missedSite;
  private int fillsBefore;

  /** The region that is executing, for a thread that looks; null in the interpreter. */
  @SuppressWarnings("unused") // by its handle
  private @Nullable Region running;

  private final AtomicInteger waiting = new AtomicInteger();

  /**
   * @param executor where translations run
   * @param patience entries after which code is hot
   */
  public CodeCache(CpuState cpu, Decoder decoder, Executor executor, int patience) {
    this.cpu = cpu;
    this.decoder = decoder;
    this.executor = executor;
    this.patience = patience;
    mmu = cpu.mmu;
    translator = new Translator(cpu);
  }

  private static VarHandle runningHandle() {
    try {
      return MethodHandles.lookup().findVarHandle(CodeCache.class, "running", Region.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** What this processor is executing, if it is at all. For one thread that looks now and then. */
  public Doing doing() {
    Region region = (Region) RUNNING.getOpaque(this);
    if (region == null) {
      return Doing.INTERPRETING;
    }
    region.looks++;
    return region.entries >= WARM_ENTRIES || region.looks >= WARM_LOOKS
        ? Doing.TRANSLATED
        : Doing.WARMING;
  }

  /** What has been done so far. */
  public Statistics statistics() {
    statistics.regions = regions.size();
    statistics.bytes = regions.values().stream().mapToLong(region -> region.bytes).sum();
    statistics.longest = regions.values().stream().mapToInt(region -> region.bytes).max().orElse(0);
    return statistics;
  }

  @Override
  public int patience() {
    return patience;
  }

  @Override
  public @Nullable CompiledCode at(int hostPage, int mode, Profile profile) {
    if ((mode & Mode.ALIGNED) != 0) {
      return null;
    }
    Key key = key(hostPage, mode);
    Region region = regions.get(key);
    if (region == null) {
      if (waits(key)) {
        return null;
      }
      region = scan(key, profile);
      if (region == null) {
        return null;
      }
    }
    if (region.tooLong) {
      statistics.tooLong++;
      drop(region);
      sizes.put(key, region.longest / 2);
      return null;
    }
    if (region.code == null) {
      return null;
    }
    byLinear[slot(region.linear)] = region;
    return new Entry(region);
  }

  private final class Entry implements CompiledCode {
    private final Region region;

    Entry(Region region) {
      this.region = region;
    }

    @Override
    public boolean valid() {
      // The same bytes may be mapped, and running, at other addresses as well.
      return region.valid && region.rip == cpu.rip && region.csBase == codeBase(region.mode);
    }

    @Override
    public boolean run(long end) {
      return CodeCache.this.run(region, end);
    }
  }

  private Key key(int hostPage, int mode) {
    long rip = cpu.rip;
    long csBase = codeBase(mode);
    int offset = (int) (csBase + rip) & GuestMemory.PAGE_SIZE - 1;
    long csLimit = wide(mode) ? Region.NO_LIMIT : cpu.limit[CpuState.CS];
    return new Key(hostPage, offset, mode, rip, csBase, csLimit);
  }

  /**
   * Whether code that keeps being rewritten is to be left to the interpreter for now: translating
   * it each time would cost more than it gives.
   */
  private boolean waits(Key key) {
    Rewritten place = rewritten.get(key);
    if (place == null || cpu.instructions >= place.until) {
      return false;
    }
    statistics.waited++;
    return true;
  }

  private static Key key(Region region) {
    int entry = 0;
    while (region.linearPages[entry] != (region.linear & -GuestMemory.PAGE_SIZE)) {
      entry++;
    }
    int offset = (int) region.linear & GuestMemory.PAGE_SIZE - 1;
    return new Key(
        region.hostPages[entry], offset, region.mode, region.rip, region.csBase, region.csLimit);
  }

  private Rewritten noteRewritten(Region region) {
    if (rewritten.size() >= MAX_REGIONS) {
      rewritten.clear();
    }
    Rewritten place = rewritten.computeIfAbsent(key(region), key -> new Rewritten());
    place.times = cpu.instructions - region.since > LONG_LIFE ? 1 : place.times + 1;
    if (place.times > PATIENT_WRITES) {
      place.until =
          cpu.instructions + (WAIT << Math.min(place.times - PATIENT_WRITES, LONGEST_WAIT));
    }
    return place;
  }

  private static boolean wide(int mode) {
    return (mode & Mode.CODE64) != 0;
  }

  /** CS's base; 64-bit code has none. */
  private long codeBase(int mode) {
    return wide(mode) ? 0 : cpu.base[CpuState.CS];
  }

  // Making them.

  private @Nullable Region scan(Key key, Profile profile) {
    int size = sizes.getOrDefault(key, MAX_INSTRUCTIONS);
    if (size < MIN_INSTRUCTIONS || waiting.get() >= MAX_WAITING) {
      return null;
    }
    Region region =
        new RegionScanner(cpu, decoder, key.mode, profile, slowSites::contains, targets, size)
            .scan();
    if (region == null || region.hostPages.length == 0) {
      sizes.put(key, 0);
      statistics.rejected++;
      return null;
    }
    if (regions.size() >= MAX_REGIONS) {
      sweep();
    }
    region.since = cpu.instructions;
    regions.put(key, region);
    statistics.scanned++;
    for (int page : region.hostPages) {
      byPage.computeIfAbsent(page, number -> new ArrayList<>()).add(region);
      mmu.protectCode(page);
    }
    region.epoch = mmu.epoch();
    waiting.incrementAndGet();
    executor.execute(
        () -> {
          try {
            translate(region);
          } finally {
            waiting.decrementAndGet();
          }
        });
    return region;
  }

  private void translate(Region region) {
    Events.Translated event = new Events.Translated();
    event.begin();
    long began = System.nanoTime();
    Translator.Result result = translator.translate(region);
    statistics.translatingNanos += System.nanoTime() - began;
    CompiledRegion code = result.code();
    region.siteRips = result.siteRips();
    region.siteCounts = result.siteCounts();
    region.exitRips = result.exitRips();
    region.exitSteady = new int[region.exitRips.length];
    region.misses = new int[region.siteRips.length];
    region.missedAt = new long[region.siteRips.length];
    if (code == null) {
      region.tooLong = true;
      return;
    }
    region.bytes = result.bytes();
    region.code = code;
    event.linear = region.linear;
    event.mode = region.mode;
    event.instructions = region.longest;
    event.bytes = region.bytes;
    event.commit();
  }

  /** Drops the half that was entered least. */
  private void sweep() {
    int[] entries = regions.values().stream().mapToInt(region -> region.entries).sorted().toArray();
    int median = entries[entries.length / 2];
    List<Region> dropped = new ArrayList<>();
    for (Region region : regions.values()) {
      if (region.entries <= median) {
        dropped.add(region);
      }
      region.entries = 0;
    }
    dropped.forEach(this::drop);
    statistics.evicted += dropped.size();
    sizes.clear();
    slowSites.clear();
    targets.clear();
    rewritten.clear();
  }

  private void drop(Region region) {
    region.invalidate();
    regions.values().remove(region);
    for (int page : region.hostPages) {
      List<Region> there = byPage.get(page);
      if (there != null) {
        there.remove(region);
      }
    }
    int slot = slot(region.linear);
    if (byLinear[slot] == region) {
      byLinear[slot] = null;
    }
  }

  // Running them.

  private static int slot(long linear) {
    return (int) (linear ^ linear >>> 12) & LINEAR_SIZE - 1;
  }

  private boolean run(Region first, long end) {
    judgeMiss();
    Region region = first;
    int mode = region.mode;
    long before = cpu.instructions;
    statistics.entered++;
    while (true) {
      CompiledRegion code = region.code;
      long left = end - cpu.instructions - region.longest;
      if (left <= 0 || code == null) {
        statistics.attention++;
        return left(before, false);
      }
      if (region.epoch != mmu.epoch() && !inPlace(region)) {
        statistics.moved++;
        return left(before, false);
      }
      region.entries++;
      RUNNING.setOpaque(this, region);
      code.epoch = region.epoch;
      int exit;
      try {
        exit = code.run((int) Math.min(left, Integer.MAX_VALUE / 2), cpu.attentionMask());
      } catch (GuestFault fault) {
        cpu.rip = region.siteRips[code.site];
        cpu.instructions++;
        Interrupts.exception(cpu, fault);
        statistics.diverted++;
        return left(before, true);
      }
      if (exit < 0) {
        return left(before, stopped(region, exit));
      }
      if (cpu.wantsInterrupt()) {
        statistics.attention++;
        return left(before, true);
      }
      Region next = code.links[exit];
      if (next == null || !next.valid || next.rip != cpu.rip) {
        region.exitSteady[exit] = next == null ? 0 : Integer.MIN_VALUE;
        next = byLinear[slot(linear(region, cpu.rip))];
        if (next == null
            || next.rip != cpu.rip
            || next.mode != mode
            || next.csBase != region.csBase
            || next.csLimit != region.csLimit
            || !next.valid) {
          statistics.noRegion++;
          return left(before, true);
        }
        code.links[exit] = next;
      } else if (++region.exitSteady[exit] == STEADY && region.exitRips[exit] != Region.CONSTANT) {
        foresee(region, exit);
      }
      statistics.chained++;
      region = next;
    }
  }

  private boolean left(long before, boolean mayEnter) {
    RUNNING.setOpaque(this, null);
    statistics.instructions += cpu.instructions - before;
    return mayEnter;
  }

  /** The linear address of an offset in a region's code segment. */
  private static long linear(Region region, long rip) {
    return wide(region.mode) ? rip : region.csBase + rip & 0xFFFF_FFFFL;
  }

  /** A computed jump keeps leading to one place: the region is made again with what is there. */
  private void foresee(Region region, int exit) {
    long from = linear(region, region.exitRips[exit]);
    if (targets.size() < MAX_REGIONS && targets.put(from, cpu.rip) == null) {
      drop(region);
      statistics.foreseen++;
    }
  }

  private boolean stopped(Region region, int exit) {
    if (exit > CompiledRegion.MISSED) {
      if (exit == CompiledRegion.STOPPED) {
        statistics.stopped++;
      } else {
        statistics.diverted++;
      }
      return exit == CompiledRegion.DIVERTED;
    }
    statistics.missed++;
    int site = CompiledRegion.MISSED - exit;
    cpu.rip = region.siteRips[site];
    cpu.instructions += region.siteCounts[site];
    boolean soon = cpu.instructions - region.missedAt[site] < SOON;
    region.missedAt[site] = cpu.instructions;
    if (!soon) {
      region.misses[site] = 0;
    }
    missed = region;
    missedSite = site;
    fillsBefore = mmu.dataFills();
    return false;
  }

  /**
   * The interpreter has executed what missed: by now it is known whether a translation was wanting,
   * or whether the access misses whatever the soft TLB holds.
   */
  private void judgeMiss() {
    Region region = missed;
    missed = null;
    if (region == null || mmu.dataFills() != fillsBefore) {
      return;
    }
    if (++region.misses[missedSite] == TOO_MANY_MISSES && region.valid) {
      long linear = linear(region, region.siteRips[missedSite]);
      statistics.slowSites++;
      Events.ExitStorm event = new Events.ExitStorm();
      event.linear = linear;
      event.exits = TOO_MANY_MISSES;
      event.commit();
      slowSites.add(linear);
      drop(region);
    }
  }

  /** Whether the region's pages are still where they were when it was scanned. */
  private boolean inPlace(Region region) {
    for (int n = 0; n < region.linearPages.length; n++) {
      if (mmu.fetchPageOrNone(region.linearPages[n]) != region.hostPages[n]) {
        return false;
      }
    }
    region.epoch = mmu.epoch();
    return true;
  }

  // Changes of the code.

  @Override
  public boolean written(int hostPage, int offset, int width) {
    List<Region> there = byPage.get(hostPage);
    if (there == null) {
      return false;
    }
    for (Region region : List.copyOf(there)) {
      for (int n = 0; n < region.hostPages.length; n++) {
        if (region.hostPages[n] == hostPage
            && offset < region.to[n]
            && region.from[n] < offset + width) {
          invalidated(region, hostPage);
          break;
        }
      }
    }
    return remains(hostPage);
  }

  private void invalidated(Region region, int hostPage) {
    drop(region);
    Rewritten place = noteRewritten(region);
    statistics.invalidated++;
    Events.Invalidated event = new Events.Invalidated();
    event.times = place.times;
    event.waits = Math.max(0, place.until - cpu.instructions);
    event.linear = region.linear;
    event.hostPage = hostPage;
    event.commit();
  }

  private boolean remains(int hostPage) {
    List<Region> there = byPage.get(hostPage);
    if (there == null || there.isEmpty()) {
      byPage.remove(hostPage);
      return false;
    }
    return true;
  }

  @Override
  public boolean pageWritten(int hostPage) {
    List<Region> there = byPage.get(hostPage);
    if (there != null) {
      List.copyOf(there).forEach(region -> invalidated(region, hostPage));
    }
    return remains(hostPage);
  }
}
