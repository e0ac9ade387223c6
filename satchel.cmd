@echo off
rem Runs Satchel from its source tree; builds first what is not built.
setlocal
set "here=%~dp0"
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java"
"%java%" -version 2>&1 | findstr /c:"version \"25" >nul
if errorlevel 1 (
  echo satchel: JDK 25 was not found. Install it and set JAVA_HOME to its folder. 1>&2
  exit /b 2
)
if not exist "%here%app\target\built" (
  where mvn >nul 2>nul
  if errorlevel 1 (
    echo satchel: Maven is missing. Install it and put its bin folder on the PATH. 1>&2
    exit /b 2
  )
  echo Building Satchel; this is done once. 1>&2
  pushd "%here%"
  call mvn -q -B -Dmaven.test.skip=true package
  if errorlevel 1 (
    popd
    exit /b 2
  )
  popd
  if exist "%here%app\target\satchel.aot" del "%here%app\target\satchel.aot"
  echo built> "%here%app\target\built"
)
rem The classes in an order that is always the same: the JVM checks it against its cache.
set "classes="
for %%m in (app vm-engine image-tools resources) do for %%f in ("%here%%%m\target\satchel-%%m-*.jar") do call set "classes=%%classes%%%%f;"
for %%f in ("%here%app\target\lib\*.jar") do call set "classes=%%classes%%%%f;"
set "options=@%here%app\src\main\launch\satchel.options"
set "cache=%here%app\target\satchel.aot"
rem What a start needs, noted once by the JVM, so that later starts are quicker.
if not exist "%cache%" if not exist "%cache%.failed" (
  echo Preparing quick starts; this is done once. 1>&2
  "%java%" "%options%" "-XX:AOTCacheOutput=%cache%" -Dglass.platform=Headless -Dprism.order=sw -cp "%classes%" io.satchel.app.launch.Training > "%cache%.log" 2>&1
  if not exist "%cache%" echo failed> "%cache%.failed"
)
set "quick="
if exist "%cache%" set quick="-XX:AOTCache=%cache%" -Xlog:aot=off -Xlog:cds=off
"%java%" "%options%" %quick% "-Dsatchel.folder=%here%." %SATCHEL_JAVA_OPTIONS% -cp "%classes%" io.satchel.app.launch.Main %*
exit /b %errorlevel%
