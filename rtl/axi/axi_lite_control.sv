// The four registers of ap_ctrl_hs: start, done, idle and ready, and the interrupt.
module axi_lite_control (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        write_i,
  input  logic [11:0] write_address_i,
  input  logic [7:0]  write_data_i,
  input  logic        read_i,
  input  logic [11:0] read_address_i,
  output logic [31:0] read_data_o,      // 0 elsewhere
  output logic        interrupt_o,
  output logic        start_o,
  input  logic        done_i
);
  logic start_q, done_q, ready_q, restart_q, running_q, global_q;
  logic [1:0] enable_q, status_q;
  logic write_control, write_status, read_control, idle;
  assign write_control = write_i && write_address_i == accllm_pkg::RegControl;
  assign write_status = write_i && write_address_i == accllm_pkg::RegInterruptStatus;
  assign read_control = read_i && read_address_i == accllm_pkg::RegControl;
  assign idle = !running_q && !start_q;
  assign start_o = start_q && !running_q;
  assign interrupt_o = global_q && status_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      start_q <= 1'b0;
      done_q <= 1'b0;
      ready_q <= 1'b0;
      restart_q <= 1'b0;
      running_q <= 1'b0;
      global_q <= 1'b0;
      enable_q <= '0;
      status_q <= '0;
    end else begin
      if (write_control && write_data_i[0]) start_q <= 1'b1;
      else if (done_i) start_q <= restart_q;
      if (write_control) restart_q <= write_data_i[7];
      running_q <= start_o || (running_q && !done_i);
      done_q <= done_i || (done_q && !read_control);
      ready_q <= done_i || (ready_q && !read_control);
      if (write_i && write_address_i == accllm_pkg::RegGlobalInterrupt) global_q <= write_data_i[0];
      if (write_i && write_address_i == accllm_pkg::RegInterruptEnable) begin
        enable_q <= write_data_i[1:0];
      end
      status_q <= (status_q ^ (write_status ? write_data_i[1:0] : 2'b00))
                  | (done_i ? enable_q : 2'b00);
    end
  end

  always_comb begin
    read_data_o = '0;
    unique case (read_address_i)
      accllm_pkg::RegControl: begin
        read_data_o = {24'd0, restart_q, 3'd0, ready_q, idle, done_q, start_q};
      end
      accllm_pkg::RegGlobalInterrupt: read_data_o[0] = global_q;
      accllm_pkg::RegInterruptEnable: read_data_o[1:0] = enable_q;
      accllm_pkg::RegInterruptStatus: read_data_o[1:0] = status_q;
      default: read_data_o = '0;
    endcase
  end
  logic unused;
  assign unused = ^write_data_i[6:2];
endmodule
