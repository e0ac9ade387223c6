package io.satchel.app.snapshots;

import io.satchel.app.common.Waiting;
import io.satchel.app.library.DiskLook;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineRun;
import io.satchel.app.library.TimelineFile;
import io.satchel.app.open.RunChanges;
import io.satchel.app.open.Session;
import io.satchel.image.Answers;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.Progress;
import io.satchel.vm.api.Saving;
import io.satchel.vm.api.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The snapshots of a machine that runs. */
public final class LiveSnapshots implements SnapshotStore {

  private static final long LOOK_MILLIS = 50;
  private static final long WHOLE = 1000;

  /** Writes the machine's screen as it is now. */
  public interface ScreenWriter {
    @Nullable Path write() throws IOException;
  }

  private final Session session;
  private final String name;
  private final @Nullable MachineRun run;
  private final ScreenWriter screen;

  /** Of a machine that is in no library, as long as it runs. */
  private volatile TimelineFile file = TimelineFile.empty();

  public LiveSnapshots(Session session, RunChanges changes, String name, ScreenWriter screen) {
    this.session = session;
    this.name = name;
    this.screen = screen;
    run = changes instanceof MachineRun kept ? kept : null;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public @Nullable Entry entry() {
    return run == null ? null : run.entry();
  }

  @Override
  public boolean live() {
    return true;
  }

  @Override
  public List<Snapshot> list() throws IOException {
    return Waiting.on(session.machine().snapshots());
  }

  @Override
  public byte @Nullable [] picture(Snapshot snapshot) throws IOException {
    return snapshot.stateBytes() == 0
        ? null
        : Waiting.on(session.machine().snapshotPicture(snapshot.name()));
  }

  @Override
  public @Nullable Path screen() throws IOException {
    return screen.write();
  }

  @Override
  public void take(String called, Progress progress) throws IOException {
    Saving saving = session.machine().save(called);
    while (!saving.done().isDone()) {
      if (!progress.at((long) (saving.progress() * WHOLE), WHOLE)) {
        saving.cancel();
      }
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        saving.cancel();
        break;
      }
    }
    Waiting.on(saving.done());
  }

  @Override
  public void restore(Snapshot snapshot) throws IOException {
    Waiting.on(session.machine().restore(snapshot.name()));
  }

  @Override
  public void delete(String called) throws IOException {
    Waiting.on(session.machine().deleteSnapshot(called));
  }

  @Override
  public long taken() throws IOException {
    return StoredSnapshots.allocated(session.writtenFiles());
  }

  @Override
  public TimelineFile file() {
    return run == null ? file : TimelineFile.read(run.entry().folder());
  }

  @Override
  public void keep(TimelineFile changed) throws IOException {
    if (run == null) {
      file = changed;
    } else {
      changed.write(run.entry().folder());
    }
  }

  @Override
  public List<DiskLook> disks(@Nullable String snapshot) {
    return run != null
        ? run.disks(snapshot)
        : session.writtenFiles().stream()
            .map(path -> new DiskLook(path, BackingPolicy.ANYWHERE, snapshot, name, answers()))
            .toList();
  }

  @Override
  public Answers answers() {
    return session.request().answers();
  }

  @Override
  public Map<Integer, Path> layers() {
    return run == null ? Map.of() : run.files();
  }
}
