// Stands for NVIDIA's driver when event_driver.cpp is linked: what is loaded then is the machine's own library of this
// name.
extern "C" int anymetal_driver_stub() { return 0; }
