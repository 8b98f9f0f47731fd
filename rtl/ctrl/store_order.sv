// Which jobs of the vector unit may begin beside stores that go on: a store reads keys or values,
// and needs the banks' reads for itself. Results that it does not read only write; and the store of
// the same layer's values may follow that of its keys.
module store_order (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  ctrl_pkg::step_t    job_i,     // the next one
  output logic               may_o,
  // A store begins.
  input  logic               start_i,
  input  ctrl_pkg::step_t    store_i,
  output logic [31:0]        keys_o,    // first stripes of the layer that is stored
  output logic [31:0]        values_o,
  input  logic               stored_i   // the oldest store is complete
);
  logic [1:0] stores_q, begins, ends;  // keys, values
  logic       is_result, follows_keys, is_value;
  assign is_result    = job_i.opcode == accllm_pkg::OpcodeLinear
                        && job_i.epilogue == accllm_pkg::EpilogueStore
                        && !(stores_q[0] && job_i.place == accllm_pkg::VectorKey)
                        && !(stores_q[1] && job_i.place == accllm_pkg::VectorValue);
  assign follows_keys = job_i.opcode == accllm_pkg::OpcodeStoreKv
                        && job_i.place == accllm_pkg::VectorValue && !stores_q[1]
                        && job_i.address == keys_o && job_i.parameter_ == values_o;
  assign may_o    = stores_q == '0 || is_result || follows_keys;
  assign is_value = store_i.place == accllm_pkg::VectorValue;
  assign begins   = {start_i && is_value, start_i && !is_value};
  assign ends     = {stored_i && !stores_q[0], stored_i && stores_q[0]};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) stores_q <= '0;
    else stores_q <= (stores_q & ~ends) | begins;
    if (start_i) begin
      keys_o   <= store_i.address;
      values_o <= store_i.parameter_;
    end
  end

  logic unused;
  assign unused = ^{job_i, store_i};
endmodule
