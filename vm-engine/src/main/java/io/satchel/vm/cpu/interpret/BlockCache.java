package io.satchel.vm.cpu.interpret;

import io.satchel.vm.cpu.CompiledCode;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.HotCode;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.memory.GuestMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decoded blocks by host page, so that page tables, CR3 and A20 may change without decoding again;
 * and a direct-mapped cache of them by linear address.
 *
 * <p>A block found under the current epoch of the translations needs no further check; {@link
 * Mmu#epoch} moves on when a translation may have gone or a block was dropped.
 */
final class BlockCache {

  private static final int BUCKETS = 64;
  private static final int LINEAR_SIZE = 1 << 12;

  /** Instructions kept before everything is dropped: about 100 MB. */
  private static final int MAX_INSTRUCTIONS = 500_000;

  /** The blocks of one page, and which of its bytes they cover. */
  private static final class Page {
    final @Nullable Block[] buckets = new @Nullable Block[BUCKETS];
    final long[] covered = new long[GuestMemory.PAGE_SIZE / 64];

    /** Blocks of other pages that end in this one. */
    final List<Block> arriving = new ArrayList<>();

    /** Marks the bytes of a block, which begins in this page or arrives in it. */
    void cover(Block block, boolean arrives) {
      int from = arrives ? 0 : block.pageOffset;
      int to = Math.min(end(block, arrives), GuestMemory.PAGE_SIZE);
      for (int n = from; n < to; n++) {
        covered[n >>> 6] |= 1L << n;
      }
    }

    static int end(Block block, boolean arrives) {
      int end = block.pageOffset + block.length;
      return arrives ? end - GuestMemory.PAGE_SIZE : end;
    }

    boolean covers(int from, int length) {
      for (int n = from; n < from + length; n++) {
        if ((covered[n >>> 6] & 1L << n) != 0) {
          return true;
        }
      }
      return false;
    }
  }

  private final HotCode hotCode;
  private final Mmu mmu;
  private final GuestMemory memory;
  private final BlockBuilder builder;
  private final @Nullable Page[] pages;
  private final @Nullable Block[] byLinear = new @Nullable Block[LINEAR_SIZE];

  private final HotCode.Profile profile = this::seen;

  /** Instructions decoded since everything was dropped. */
  private int kept;

  BlockCache(CpuState cpu, Decoder decoder, HotCode hotCode) {
    this.hotCode = hotCode;
    mmu = cpu.mmu;
    memory = mmu.map().memory();
    builder = new BlockBuilder(memory, decoder);
    pages = new @Nullable Page[memory.bytes().length >>> GuestMemory.PAGE_BITS];
    mmu.watchCode(this::written);
    memory.onCodeWritten(this::pageWritten);
  }

  private void dropAll() {
    for (int page = 0; page < pages.length; page++) {
      if (pages[page] != null) {
        dropPage(page);
      }
    }
    Arrays.fill(byLinear, null);
    kept = 0;
  }

  private static int bucket(int pageOffset, int mode) {
    return (pageOffset ^ pageOffset >>> 6 ^ mode) & BUCKETS - 1;
  }

  /**
   * The block at a linear address, or {@code null} when the code there has to be executed singly.
   * Throws #PF.
   */
  @Nullable Block at(long linear, int mode) {
    int slot = slot(linear);
    Block block = byLinear[slot];
    if (block != null
        && block.linear == linear
        && block.mode == mode
        && block.epoch == mmu.epoch()) {
      return block;
    }
    block = find(linear, mode);
    if (block != null) {
      block.linear = linear;
      block.epoch = mmu.epoch();
      byLinear[slot] = block;
    }
    return block;
  }

  /** The block last looked up at a linear address, or any other; the caller compares. */
  @Nullable Block candidate(long linear) {
    return byLinear[slot(linear)];
  }

  private static int slot(long linear) {
    return (int) (linear ^ linear >>> 12) & LINEAR_SIZE - 1;
  }

  private @Nullable Block find(long linear, int mode) {
    int hostPage = mmu.fetchPage(linear);
    if (hostPage < 0) {
      return null;
    }
    int offset = (int) linear & GuestMemory.PAGE_SIZE - 1;
    Page page = page(hostPage);
    int bucket = bucket(offset, mode);
    for (Block block = page.buckets[bucket]; block != null; block = block.nextInBucket) {
      if (block.pageOffset == offset
          && block.mode == mode
          && block.valid
          && (block.secondPage == Block.NO_PAGE || block.secondPage == nextPage(linear, mode))) {
        return block;
      }
    }
    if (kept > MAX_INSTRUCTIONS) {
      dropAll();
      return find(linear, mode);
    }
    Block block = builder.build(hostPage, offset, mode);
    if (block == null) {
      int second = nextPage(linear, mode);
      if (second < 0) {
        return null;
      }
      block = builder.buildAcross(hostPage, offset, second, mode);
      Page other = page(second);
      other.arriving.add(block);
      other.cover(block, true);
      mmu.protectCode(second);
    }
    block.patience = hotCode.patience();
    kept += block.count;
    block.nextInBucket = page.buckets[bucket];
    page.buckets[bucket] = block;
    page.cover(block, false);
    mmu.protectCode(hostPage);
    return block;
  }

  /** Whether a block that begins there has been executed. */
  private boolean seen(int hostPage, int pageOffset, int mode) {
    Page page = pages[hostPage];
    if (page != null) {
      int bucket = bucket(pageOffset, mode);
      for (Block block = page.buckets[bucket]; block != null; block = block.nextInBucket) {
        if (block.pageOffset == pageOffset && block.mode == mode && block.valid) {
          return true;
        }
      }
    }
    return false;
  }

  /** The compiled form of the block at rip, whose patience is at its end. */
  @Nullable CompiledCode compiled(Block block) {
    CompiledCode code = block.compiled;
    if (code == null || !code.valid()) {
      code = block.valid ? hotCode.at(block.hostPage, block.mode, profile) : null;
      block.compiled = code;
    }
    block.patience = code == null ? hotCode.patience() : 0;
    return code;
  }

  private int nextPage(long linear, int mode) {
    long next = (linear | GuestMemory.PAGE_SIZE - 1) + 1;
    return mmu.fetchPage((mode & Mode.CODE64) != 0 ? next : next & 0xFFFF_FFFFL);
  }

  private Page page(int hostPage) {
    Page page = pages[hostPage];
    if (page == null) {
      page = new Page();
      pages[hostPage] = page;
    }
    return page;
  }

  /** The processor itself is about to store to a page with blocks. */
  private void written(int hostPage, int offset, int width) {
    boolean compiled = hotCode.written(hostPage, offset, width);
    Page page = pages[hostPage];
    if (page == null) {
      memory.setCode(hostPage, compiled);
      return;
    }
    if (!page.covers(offset, width)) {
      return;
    }
    Arrays.fill(page.covered, 0);
    boolean any = false;
    for (int n = 0; n < BUCKETS; n++) {
      @Nullable Block kept = null;
      @Nullable Block next;
      for (Block block = page.buckets[n]; block != null; block = next) {
        next = block.nextInBucket;
        if (block.pageOffset < offset + width && offset < Page.end(block, false)) {
          block.valid = false;
        } else if (block.valid) {
          block.nextInBucket = kept;
          kept = block;
          page.cover(block, false);
          any = true;
        }
      }
      page.buckets[n] = kept;
    }
    for (Block block : page.arriving) {
      block.valid &= offset >= Page.end(block, true);
    }
    page.arriving.removeIf(block -> !block.valid);
    for (Block block : page.arriving) {
      page.cover(block, true);
      any = true;
    }
    mmu.codeChanged();
    if (!any) {
      pages[hostPage] = null;
      memory.setCode(hostPage, compiled);
    }
  }

  /** Somebody else is about to write anywhere in the page. */
  private void pageWritten(int hostPage) {
    boolean compiled = hotCode.pageWritten(hostPage);
    dropPage(hostPage);
    memory.setCode(hostPage, compiled);
  }

  private void dropPage(int hostPage) {
    Page page = pages[hostPage];
    if (page != null) {
      for (Block first : page.buckets) {
        for (Block block = first; block != null; block = block.nextInBucket) {
          block.valid = false;
        }
      }
      page.arriving.forEach(block -> block.valid = false);
      pages[hostPage] = null;
      mmu.codeChanged();
    }
  }
}
